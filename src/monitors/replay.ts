import { distance } from 'fastest-levenshtein'
import type { Answer, AnswerRequest } from '../answer/request.ts'
import { type Clock, stopwatch } from '../lib/clock.ts'
import { uuidv7 } from '../lib/ids.ts'
import { pairedDifference } from '../lib/stats/paired.ts'
import type { Embedder } from '../models/embedder.ts'
import type { GoldenCase, GoldenSet } from './golden-set.ts'
import type { ReplayOutput } from './replay-store.ts'

export type AskGolden = {
  /** The path of every request, without limits. */
  answer: (request: AnswerRequest) => Answer
  clock: Clock
  embedder: Embedder | undefined
}

export type Answered = { output: string; upstreamModel: string | null }

/** Asks every question of one variant, a few at a time. A question that gets no answer is left out, with why. */
export const askAll = async (
  { answer, clock }: AskGolden,
  golden: GoldenSet,
  at: { route: string; variant: string; replayId: string },
  signal: AbortSignal,
): Promise<{ answers: Map<string, Answered>; error: string | null }> => {
  const answers = new Map<string, Answered>()
  let error: string | null = null
  const waiting = [...golden.cases]
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      try {
        answers.set(one.id, await askOne(answer, clock, one, at, signal))
      } catch (thrown) {
        signal.throwIfAborted()
        error = thrown instanceof Error ? thrown.message : String(thrown)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { answers, error }
}

const askOne = async (
  answer: AskGolden['answer'],
  clock: Clock,
  { id, messages, variables }: GoldenCase,
  { route, variant, replayId }: { route: string; variant: string; replayId: string },
  signal: AbortSignal,
): Promise<Answered> => {
  const given = answer({
    id: uuidv7(),
    startedAtMs: clock(),
    elapsedMs: stopwatch(),
    route,
    subject: null,
    pin: variant,
    principal: { keyId: null, tenant: 'default', scopes: ['inference'] },
    metadata: { monitor_replay: replayId, monitor_case: id },
    purpose: 'replay',
    signal,
    endpoint: 'chat',
    stream: false,
    prompt: null,
    variables,
    chat: { input: { kind: 'chat', messages }, sampling: {}, incremental: false, cache: { mode: 'off' } },
  })
  for await (const _ of given.events);
  const [choice] = given.choices
  const calls = choice?.toolCalls.map(({ name, arguments: said }) => `${name}(${said})`) ?? []
  return { output: [choice?.text ?? '', ...calls].filter((text) => text !== '').join('\n'), upstreamModel: given.trace.upstreamModel }
}

/** How alike answers to the same questions are, from 0 to 1: by meaning with an embedder, else by edits. */
export const similarities = async (
  embedder: Embedder | undefined,
  pairs: readonly { before: string; now: string }[],
  signal: AbortSignal,
): Promise<number[]> => {
  if (embedder === undefined) return pairs.map(({ before, now }) => 1 - distance(before, now) / Math.max(before.length, now.length, 1))
  const different = pairs.filter(({ before, now }) => before !== now)
  const texts = different.flatMap(({ before, now }) => [before, now].map((text) => text.slice(0, mostCharacters) || ' '))
  const vectors: Float32Array[] = []
  for (let at = 0; at < texts.length; at += 32) {
    vectors.push(...(await embedder.embed({ texts: texts.slice(at, at + 32), tenant: 'weir', requestId: uuidv7(), signal })).vectors)
  }
  let next = 0
  return pairs.map(({ before, now }) => {
    if (before === now) return 1
    const [left, right] = [vectors[next++], vectors[next++]] as [Float32Array, Float32Array]
    return Math.min(1, Math.max(0, dot(left, right)))
  })
}

export type Compared = { exactShare: number; similarity: number; baselineSimilarity: number; pValue: number; moved: boolean }

/**
 * Whether answers left the baseline by more than its own answers differ among themselves: paired by question, significant at 1 % and by
 * more than the tolerance. A model at a temperature above zero varies, and that is no change.
 */
export const compareReplay = (baseline: readonly ReplayOutput[], now: readonly ReplayOutput[], tolerance: number): Compared => {
  const noise = new Map(baseline.map((one) => [one.caseId, one]))
  const both = now.flatMap((one) => {
    const before = noise.get(one.caseId)
    return before ? [{ one, before }] : []
  })
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const difference = pairedDifference(both.map(({ one, before }) => one.similarity - before.similarity))
  return {
    exactShare: mean(both.map(({ one, before }) => (one.output === before.output ? 1 : 0))),
    similarity: mean(both.map(({ one }) => one.similarity)),
    baselineSimilarity: mean(both.map(({ before }) => before.similarity)),
    pValue: difference.p,
    moved: difference.p <= significance && difference.mean <= -tolerance,
  }
}

const dot = (left: Float32Array, right: Float32Array): number => {
  let sum = 0
  for (let at = 0; at < left.length; at += 1) sum += (left[at] ?? 0) * (right[at] ?? 0)
  return sum
}

const significance = 0.01
const atOnce = 4
const mostCharacters = 800
