import { AppError, isRetryable, toAppError } from '../lib/errors.ts'
import { looksLikeRefusal } from '../lib/refusal.ts'
import type { ChatEvent, ChatModel, ChatRequest, Observation, Usage } from './chat-model.ts'
import { begin } from './first-event.ts'
import { unsupportedParameter } from './supports.ts'
import { around } from './wrap.ts'

export type EscalationRule = {
  /** Geometric mean of the probabilities of the answer's tokens; lower is not trusted, and neither is an answer without any. */
  minConfidence: number | undefined
  on: ReadonlySet<Doubt>
}

/** `length`: cut at the longest it may be. `empty`: neither text nor a tool call. */
export type Doubt = 'refusal' | 'length' | 'empty'

export type EscalateOptions = {
  rule: EscalationRule
  /** US dollars of the first answer; null when its price is unknown. */
  costOf: (use: { model: string; upstreamModel: string | null; usage: Usage; upstreamMs: number | null }) => number | null
}

/**
 * A cascade: the small model answers, and where its answer is in doubt the large one answers instead. The small answer is held back until
 * it is complete, so a stream begins later but shows one answer only. When the large model fails before its first token, the doubtful answer
 * is better than none.
 */
export const escalate = (small: ChatModel, large: ChatModel, { rule, costOf }: EscalateOptions): ChatModel =>
  around(small, async function* (request) {
    const first = await answerOf(small, request, rule)
    const reason = doubtOf(first.events, rule)
    if (reason === undefined || unsupportedParameter(request, large.capabilities) !== undefined) {
      yield* told(first.events, request)
      return
    }
    const costUsd = first.usage ? costOf({ ...first, usage: first.usage }) : null
    request.observe?.({ type: 'escalated', from: first.model, to: large.id, reason, costUsd, upstreamMs: first.upstreamMs ?? 0 })
    const begun = await begin(large.stream(request)).catch((error: unknown) => {
      if (request.signal.aborted || !mayDoWithout(error)) throw error
      request.observe?.({ type: 'fell-back', from: large.id, to: first.model, code: toAppError(error).code })
    })
    if (begun === undefined) {
      yield* told(first.events, request)
      return
    }
    if (!begun.first.done) yield begun.first.value
    yield* { [Symbol.asyncIterator]: () => begun.rest }
  })

/** As the fallback has it: a host that refuses our key does not refuse the user. */
const mayDoWithout = (error: unknown): boolean =>
  isRetryable(error) || (error instanceof AppError && (error.code === 'upstream_rejected' || error.code === 'context_length_exceeded'))

type First = { events: ChatEvent[]; usage: Usage | undefined; model: string; upstreamModel: string | null; upstreamMs: number | null }

/** The whole answer of the small model, with the probabilities of its tokens where it can tell them. */
const answerOf = async (small: ChatModel, request: ChatRequest, { minConfidence }: EscalationRule): Promise<First> => {
  const first: First = { events: [], usage: undefined, model: small.id, upstreamModel: null, upstreamMs: null }
  const observe = (observation: Observation) => {
    if (observation.type === 'upstream') first.upstreamMs = (first.upstreamMs ?? 0) + observation.ms
    if (observation.type === 'served-by') {
      first.model = observation.modelId
      first.upstreamModel = observation.upstreamModel ?? null
    }
    request.observe?.(observation)
  }
  const wantsMore = minConfidence !== undefined && request.sampling.topLogprobs === undefined && small.capabilities.logprobs
  const sampling = wantsMore ? { ...request.sampling, topLogprobs: 0 } : request.sampling
  for await (const event of small.stream({ ...request, sampling, incremental: false, observe })) {
    if (event.type === 'usage') first.usage = event.usage
    first.events.push(event)
  }
  return first
}

/** What the caller asked to see: not the probabilities that were asked for on its behalf. */
const told = function* (events: readonly ChatEvent[], { sampling }: ChatRequest): Generator<ChatEvent> {
  for (const event of events) {
    yield event.type === 'text-delta' && sampling.topLogprobs === undefined ? { ...event, logprobs: undefined } : event
  }
}

/** Of the least certain choice; undefined when nothing is in doubt. */
const doubtOf = (events: readonly ChatEvent[], { minConfidence, on }: EscalationRule): string | undefined => {
  const choices = new Map<number, { text: string; tools: boolean; cut: boolean; logprobs: number[] }>()
  for (const event of events) {
    if (event.type === 'usage') continue
    const choice = choices.get(event.choice) ?? { text: '', tools: false, cut: false, logprobs: [] }
    choices.set(event.choice, choice)
    if (event.type === 'text-delta') {
      choice.text += event.text
      for (const { logprob } of event.logprobs ?? []) choice.logprobs.push(logprob)
    } else if (event.type === 'tool-call-delta') choice.tools = true
    else if (event.type === 'refusal-delta') choice.text += event.text
    else if (event.type === 'finish') choice.cut ||= event.reason === 'length'
  }
  for (const { text, tools, cut, logprobs } of choices.values()) {
    const empty = text.trim() === '' && !tools
    if (on.has('empty') && empty) return 'empty'
    if (on.has('refusal') && !empty && !tools && looksLikeRefusal(text)) return 'refusal'
    if (on.has('length') && cut) return 'length'
    if (minConfidence === undefined) continue
    if (logprobs.length === 0) return 'confidence unknown'
    const confidence = Math.exp(logprobs.reduce((sum, logprob) => sum + logprob, 0) / logprobs.length)
    if (confidence < minConfidence) return `confidence ${confidence.toFixed(3)}`
  }
  return undefined
}
