import type { Answer } from '../answer/request.ts'
import type { Choice } from '../answer/transcript.ts'
import type { ChatEvent, TokenLogprob, Usage } from '../models/chat-model.ts'
import type { Trace } from '../traces/trace.ts'

/** How an endpoint puts a whole answer into OpenAI's JSON. */
export type ToJson = (answer: Answer) => string

/** How an endpoint puts an answer into OpenAI's JSON event by event. */
export type Frames = {
  /** Server-sent events before the first one of the model. */
  open: (choices: number) => string
  /** Server-sent events for one event of the model; may be empty. */
  event: (event: ChatEvent, choices: readonly Choice[]) => string
}

/** What every chunk of an answer, and the whole of it, repeats. */
export type FrameHead = { id: string; object: string; created: number; model: string; system_fingerprint: string }

export const frameHead = (trace: Readonly<Trace>, prefix: string, object: string): FrameHead => ({
  id: `${prefix}-${trace.id}`,
  object,
  created: Math.floor(trace.startedAtMs / 1000),
  model: trace.route,
  // OpenAI: "represents the backend configuration that the model runs with". Ours is the variant.
  system_fingerprint: `fp_${(trace.variantHash ?? '').slice(0, 12)}`,
})

export const usageJson = (usage: Usage) => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedTokens },
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
})

/** Writes chunks of a stream. The head is the same in all of them, so it is turned into text once. */
export const chunkWriter = (head: FrameHead, includeUsage: boolean) => {
  const start = `data: ${JSON.stringify(head).slice(0, -1)},"choices":[`
  // OpenAI: with include_usage, every chunk but the last carries a null usage.
  const end = includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  return {
    choice: (json: string): string => `${start}${json}${end}`,
    usage: (usage: object): string => `${start}],"usage":${JSON.stringify(usage)}}\n\n`,
  }
}

export const logprobJson = ({ token, logprob, bytes, top }: TokenLogprob) => ({ token, logprob, bytes, top_logprobs: top })
