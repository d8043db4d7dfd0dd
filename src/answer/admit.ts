import type { Variant } from '../rollout/route.ts'
import type { Trace } from '../traces/trace.ts'
import type { RouteRequest } from './request.ts'

/**
 * Decides whether a request may go to a model: limits and budgets. Throws `rate_limited` or `insufficient_quota`; a `BudgetExceeded` may name a
 * cheaper route.
 */
export type Admit = (ask: { request: RouteRequest; variant: Variant; estimate: () => TokenEstimate }) => Promise<Admission>

/** `completion` is what the request allows; undefined when it sets no bound. */
export type TokenEstimate = { prompt: number; completion: number | undefined; images?: number | undefined }

export type Admission = {
  /** Told of the finished trace, so that what was reserved becomes what was used. */
  settle(trace: Readonly<Trace>): void
}
