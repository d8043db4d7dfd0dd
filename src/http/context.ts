import type { Server } from 'bun'
import type { Context } from 'hono'
import type { Principal } from '../keys/principal.ts'
import type { Clock } from '../lib/clock.ts'
import type { RateLimits } from '../limits/limiter.ts'

/** What the edge knows of a request by the time a handler sees it. */
export type Env = {
  /** The listening server; empty or undefined when the app is called in-process, as the CLI does. */
  Bindings: Partial<Pick<Server<undefined>, 'requestIP' | 'timeout'>>
  Variables: {
    /** UUIDv7: the trace id, the inference id of feedback and `x-request-id`. */
    requestId: string
    startedAtMs: number
    elapsedMs: Clock
    /** Set on every route that is not public. */
    principal: Principal
    /** What is left of the caller's limits, where there are any. */
    rateLimits?: RateLimits
  }
}

export type EdgeContext = Context<Env>
