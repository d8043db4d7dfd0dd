import type { GuardReport } from '../guardrails/guard.ts'
import type { FinishReason } from '../models/chat-model.ts'

/** What one request did: exactly one per request, whatever its end. Metadata only; what was said is in `TracePayload`. */
export type Trace = {
  /** UUIDv7, also the inference id that feedback names and the `x-request-id` of the response. */
  id: string
  /** Milliseconds since the epoch at which the request arrived. */
  startedAtMs: number
  endpoint: Endpoint
  status: 'ok' | 'error' | 'aborted'
  /** AppError code when `status` is not ok. */
  errorCode: string | null
  tenant: string
  keyId: string | null
  /** The name the client called. */
  route: string
  variant: string | null
  variantHash: string | null
  /** The side that the subject was dealt to while a rollout compares two variants; null otherwise, and for pinned requests. */
  arm: 'candidate' | 'control' | null
  /** The rule that chose the variant; null when weights or a pin did. */
  rule: string | null
  /** The first answer of a cascade, which was thrown away; its cost is part of `costUsd`. Null when there was none. */
  escalation: Escalation | null
  /** The configured model that served the answer, after fallback. */
  model: string | null
  /** The model id that a host echoed. */
  upstreamModel: string | null
  /** Who the traffic belongs to for sticky assignment and feedback. */
  subject: string | null
  stream: boolean
  finishReason: FinishReason | null
  promptTokens: number | null
  completionTokens: number | null
  cachedTokens: number | null
  /** US dollars; null when a price is unknown, which is not zero. */
  costUsd: number | null
  cache: 'hit' | 'miss' | 'stale' | 'bypass' | null
  /** Arrival to end, to first delta, waiting in our queues, and spent in the model or host. */
  latencyMs: number
  firstTokenMs: number | null
  queueMs: number | null
  upstreamMs: number | null
  attempts: number
  /** Model ids that failed before one answered, in order. */
  fellBackFrom: string[]
  /** The client's `metadata`. */
  metadata: { [key: string]: string } | null
  purpose: Purpose
  /** What each guardrail of the route did. Null when it has none. */
  guardrails: readonly GuardReport[] | null
  payload: TracePayload | null
}

/** `costUsd` is null when the price is unknown. */
export type Escalation = { from: string; reason: string; costUsd: number | null; upstreamMs: number }

/** Why a request was made: for a user, or to learn something. Reports, monitors and rollouts count `live` ones only. */
export type Purpose = 'live' | 'shadow' | 'eval' | 'replay'

export type Endpoint = 'chat' | 'completion' | 'embedding' | 'classification'

/** What was asked and answered; kept apart so that it can be redacted, expired or switched off. */
export type TracePayload = {
  /** As the model read it. */
  input: unknown
  output: unknown
  passages?: unknown
  /** The client's own messages and variables, where a prompt or retrieval made something else of them. */
  said?: unknown
}

/** Takes a finished trace. Never throws and never waits: a request does not know the trace store. */
export type RecordTrace = (trace: Trace) => void
