import type { Sampling, Tool, ToolCall } from '../models/chat-model.ts'

/** A suite as it runs: everything checked, datasets read, defaults put in. */
export type Suite = {
  name: string
  /** sha256 of what was checked: two runs of one hash asked the same. */
  hash: string
  target: Target
  params: Sampling
  seed: number | undefined
  concurrency: number
  timeoutMs: number
  /** Stops the run when its answers and judges have cost so much. */
  budgetUsd: number | undefined
  judge: string | undefined
  embedder: string | undefined
  tenant: string
  /** How much worse than the baseline still counts as no worse, in share of cases and in score. */
  margin: number
  /** Share of cases that must pass. */
  passRate: number
  cases: Case[]
}

/** `variables`: the prompt of the route gets the case's variables. */
export type Target =
  | { kind: 'route'; route: string; variant?: string | undefined; variables: boolean }
  | { kind: 'prompt'; prompt: string; label?: string | undefined; version?: string | undefined; model: string }
  | { kind: 'url'; url: string; model: string; apiKey?: string | undefined; headers: Record<string, string> }

export type Turn =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string | null; toolCalls?: ToolCall[] | undefined }
  | { role: 'tool'; content: string; toolCallId: string }

export type Case = {
  /** Unique in its suite: baseline and candidate are compared case by case. */
  id: string
  turns: Turn[]
  variables: Record<string, unknown>
  expected: unknown
  tags: string[]
  /** Fails the gate by itself. */
  mustPass: boolean
  /** Cases that are alike, such as paraphrases: their errors are not independent. The case itself when absent. */
  group: string
  repeats: number
  /** From which weighted mean on the case passes; when absent every assertion must. */
  threshold: number | undefined
  tools: Tool[] | undefined
  assertions: AssertionSpec[]
}

export type AssertionSpec = {
  type: string
  negated: boolean
  value: unknown
  threshold: number | undefined
  weight: number
  /** The name its scores are reported under; its type when absent. */
  metric: string
  config: Record<string, unknown>
  /** Of an `assert-set`: passes as a whole. */
  children?: AssertionSpec[] | undefined
}
