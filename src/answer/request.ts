import type { Principal } from '../keys/principal.ts'
import type { Clock } from '../lib/clock.ts'
import type { RateLimits } from '../limits/limiter.ts'
import type { ChatEvent, ChatRequest, Usage } from '../models/chat-model.ts'
import type { LabelScore } from '../models/classifier.ts'
import type { PromptChoice } from '../rollout/route.ts'
import type { Purpose, Trace } from '../traces/trace.ts'
import type { Choice } from './transcript.ts'

/** What every request to a route brings, without anything of HTTP. */
export type RouteRequest = {
  /** UUIDv7 made at the edge; becomes the trace id. */
  id: string
  /** Milliseconds since the epoch. */
  startedAtMs: number
  /** Milliseconds since the request arrived. */
  elapsedMs: Clock
  /** The public name the client called: a route, or a model. */
  route: string
  /** Who the traffic belongs to; assignment is sticky by it. Null draws a variant for this request alone. */
  subject: string | null
  /** Names a variant of the route, for debugging. */
  pin: string | null
  principal: Principal
  metadata: { [key: string]: string } | null
  /** For a user when absent. Set by our own rooms, never by a client. */
  purpose?: Purpose | undefined
  /** Hears what is left of the caller's limits, before the answer begins or the refusal is thrown. */
  noteLimits?: ((limits: RateLimits) => void) | undefined
  signal: AbortSignal
}

export type AnswerRequest = RouteRequest & {
  endpoint: 'chat' | 'completion'
  stream: boolean
  /** The prompt to render, in place of the variant's own. */
  prompt: PromptChoice | null
  /** What the prompt is rendered with. */
  variables: { [name: string]: unknown } | null
  chat: Omit<ChatRequest, 'tenant' | 'requestId' | 'signal' | 'observe'>
}

export type Answer = {
  /** Keeps the contract of `ChatModel.stream`. Read it once; the trace is recorded when reading ends, however it ends. */
  events: AsyncGenerator<ChatEvent, void, undefined>
  /** What has been said so far, by choice: complete once `events` has ended. */
  choices: readonly Choice[]
  /** Tokens read and written, once the model has told. */
  readonly usage: Usage | undefined
  /** Seconds since the answer was stored, when it comes from the cache. */
  readonly cacheAgeS?: number | undefined
  /** How close the question that the answer was made for is, when it was another. */
  readonly cacheSimilarity?: number | undefined
  /** The route that answers because a budget had no room for the one that was called. */
  readonly budgetFallback?: string | undefined
  /** Filled in along the way: variant and model are known from the first event on, tokens and cost at the end. */
  trace: Readonly<Trace>
}

export type EmbeddingRequest = RouteRequest & { texts: string[]; dimensions: number | undefined }

export type ClassificationRequest = RouteRequest & { texts: string[] }

/** `results`: for each text, in order, its labels from the likeliest on. */
export type ClassificationAnswer = { labels: readonly string[]; results: LabelScore[][]; trace: Readonly<Trace> }

/** `vectors`: one Float32Array per text, in order. */
export type EmbeddingAnswer = { vectors: Float32Array[]; trace: Readonly<Trace> }
