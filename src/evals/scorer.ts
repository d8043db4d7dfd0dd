import type { z } from 'zod'
import type { FinishReason, ToolCall } from '../models/chat-model.ts'

/** What a target said to one case. */
export type Output = {
  text: string
  toolCalls: ToolCall[]
  finishReason: FinishReason | null
  /** Natural logarithms of the probabilities of the tokens; null when the model tells none. */
  logprobs: number[] | null
  promptTokens: number | null
  completionTokens: number | null
  latencyMs: number | null
  firstTokenMs: number | null
  costUsd: number | null
  /** What was retrieved for it, best first. */
  passages: OutputPassage[]
}

export type OutputPassage = { id: string; text: string }

/**
 * What a scorer makes of an output. `score` is in [0, 1] where 1 is best, unless the scorer says otherwise. Null when it could not be
 * judged, such as a judge that answered with prose: that is counted by itself, and never averaged with the others.
 */
export type Score = { score: number | null; pass: boolean | null; reason: string }

/** One `assert` of a case, its value with the variables put in. */
export type Assertion = {
  type: string
  value: unknown
  threshold: number | undefined
  /** The assertion's other settings, checked by the scorer's `config`. */
  config: Record<string, unknown>
}

/** What a scorer may use besides the output. Those that need models take them from here; each is undefined when none is configured. */
export type ScoreContext = {
  input: string
  variables: Readonly<Record<string, unknown>>
  expected: unknown
  tools: readonly { name: string; parameters?: unknown }[]
  embed: ((texts: string[]) => Promise<Float32Array[]>) | undefined
  classify: ((model: string, text: string) => Promise<{ label: string; score: number }[]>) | undefined
  /** Asks the judge for JSON of a schema; throws `JudgeFailed` when it does not give any, also when asked again. */
  judge: ((ask: { system: string; user: string; schema: Record<string, unknown> }) => Promise<unknown>) | undefined
  /** A function from a file of the suite's folder. */
  load: ((file: string) => Promise<unknown>) | undefined
  signal: AbortSignal
}

export type Scorer = {
  /** The name in suites. */
  type: string
  /** A language model gives the verdict. */
  judged?: true
  /** Of what an assertion holds besides type, value, threshold, weight and metric. Strict. */
  config?: z.ZodObject
  /** What is wrong with a value, before anything is asked; undefined when nothing is. */
  refuse?: (assertion: Assertion) => string | undefined
  score(output: Output, assertion: Assertion, context: ScoreContext): Promise<Score> | Score
}

/** A judge that gave no verdict. Its cases are counted apart. */
export class JudgeFailed extends Error {}

/** `pass` decides; 1 or 0. */
export const verdict = (pass: boolean, reason: string): Score => ({ score: pass ? 1 : 0, pass, reason })

/** A score that passes from the threshold on. */
export const graded = (score: number, threshold: number, reason: string): Score => ({ score, pass: score >= threshold, reason })

export const undetermined = (reason: string): Score => ({ score: null, pass: null, reason })

/** For values that must be text, or a list of texts. */
export const needsText = ({ type, value }: Assertion): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? undefined : `${type} needs a text as its value`
export const needsTexts = ({ type, value }: Assertion): string | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' || typeof item === 'number')
    ? undefined
    : typeof value === 'string'
      ? undefined
      : `${type} needs a list of texts as its value`
export const needsNumber = ({ type, threshold }: Assertion): string | undefined =>
  threshold === undefined ? `${type} needs a threshold` : undefined

/** A list of texts; promptfoo also writes one as a text with commas. */
export const texts = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.map(String)
    : String(value)
        .split(',')
        .map((part) => part.trim())
