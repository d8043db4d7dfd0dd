import type { Principal } from '../keys/principal.ts'
import type { ChatEvent, ChatRequest } from '../models/chat-model.ts'

/** A parsed request to a route, without anything of HTTP. */
export type AnswerRequest = {
  /** UUIDv7 made at the edge; becomes the trace id. */
  id: string
  startedAtMs: number
  endpoint: 'chat' | 'completion'
  /** The public name the client called: a route, or a model. */
  route: string
  /** Who the traffic belongs to; assignment is sticky by it. */
  subject: string | null
  /** Names a variant of the route, for debugging. */
  pin: string | null
  principal: Principal
  metadata: { [key: string]: string } | null
  stream: boolean
  chat: Omit<ChatRequest, 'tenant' | 'requestId' | 'signal' | 'observe'>
  signal: AbortSignal
}

/** `events` keeps the contract of ChatModel.stream; the trace is recorded when it ends, however it ends. */
export type Answer = {
  model: string
  variant: string | null
  variantHash: string | null
  cache: 'hit' | 'miss' | 'stale' | 'bypass' | null
  events: AsyncIterable<ChatEvent>
}
