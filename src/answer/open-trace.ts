import type { Observation, Usage } from '../models/chat-model.ts'
import type { Arm, Variant } from '../rollout/route.ts'
import type { Endpoint, Trace } from '../traces/trace.ts'
import type { RouteRequest } from './request.ts'

/** US dollars for what a model read and wrote; null when its price is unknown. `upstreamMs` is the time that the model worked. */
export type Cost = (use: {
  model: string
  upstreamModel: string | null
  usage: Usage
  /** Images that the model was shown; none when absent. */
  images?: number | undefined
  upstreamMs: number | null
  /** Milliseconds since the epoch: prices change. */
  atMs: number
}) => number | null

/**
 * The trace of a request that has just begun. It says `aborted` until somebody says otherwise: a reader that walks away leaves no
 * other sign.
 */
export const openTrace = (request: RouteRequest, endpoint: Endpoint, stream: boolean): Trace => ({
  id: request.id,
  startedAtMs: request.startedAtMs,
  endpoint,
  status: 'aborted',
  errorCode: 'aborted',
  tenant: request.principal.tenant,
  keyId: request.principal.keyId,
  route: request.route,
  variant: null,
  variantHash: null,
  arm: null,
  rule: null,
  escalation: null,
  model: null,
  upstreamModel: null,
  subject: request.subject,
  stream,
  finishReason: null,
  promptTokens: null,
  completionTokens: null,
  cachedTokens: null,
  costUsd: null,
  cache: null,
  latencyMs: 0,
  firstTokenMs: null,
  queueMs: null,
  upstreamMs: null,
  attempts: 0,
  fellBackFrom: [],
  metadata: request.metadata,
  purpose: request.purpose ?? 'live',
  guardrails: null,
  payload: null,
})

export const noteVariant = (trace: Trace, variant: Variant, arm: Arm | null = null): void => {
  trace.variant = variant.name
  trace.variantHash = variant.hash
  trace.arm = arm
  trace.model = variant.model
}

/** What an adapter or wrapper reports on the way. */
export const noteObservation = (trace: Trace, observation: Observation): void => {
  switch (observation.type) {
    case 'queued':
      trace.queueMs = (trace.queueMs ?? 0) + observation.ms
      return
    case 'upstream':
      trace.upstreamMs = (trace.upstreamMs ?? 0) + observation.ms
      return
    case 'attempt':
      trace.attempts += 1
      return
    case 'fell-back':
      trace.fellBackFrom.push(observation.from)
      trace.model = observation.to
      return
    case 'escalated': {
      const { from, to, reason, costUsd, upstreamMs } = observation
      trace.escalation = { from, reason, costUsd, upstreamMs }
      trace.model = to
      return
    }
    case 'served-by':
      trace.model = observation.modelId
      trace.upstreamModel = observation.upstreamModel ?? null
      return
    case 'cache':
      trace.cache = observation.status
  }
}

/** Tokens and what they cost. For the end of a request, when it is known who served it. */
export const noteUsage = (trace: Trace, usage: Usage, cost: Cost, images = 0): void => {
  trace.promptTokens = usage.promptTokens
  trace.completionTokens = usage.completionTokens
  trace.cachedTokens = usage.cachedTokens
  trace.costUsd = costOfTrace(trace, usage, cost, images)
}

/** What came from the cache, or from no model at all, costs nothing. A cascade costs both of its answers. */
const costOfTrace = (trace: Trace, usage: Usage, cost: Cost, images: number): number | null => {
  const { model, upstreamModel, cache, upstreamMs, startedAtMs, escalation } = trace
  if (model === null || cache === 'hit' || cache === 'stale') return 0
  const earlier = escalation ?? { costUsd: 0, upstreamMs: 0 }
  const own = cost({
    model,
    upstreamModel,
    usage,
    images,
    upstreamMs: upstreamMs === null ? null : upstreamMs - earlier.upstreamMs,
    atMs: startedAtMs,
  })
  return own === null || earlier.costUsd === null ? null : own + earlier.costUsd
}
