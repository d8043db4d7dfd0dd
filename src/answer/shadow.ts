import type { Clock } from '../lib/clock.ts'
import { uuidv7 } from '../lib/ids.ts'
import { unitHash } from '../rollout/assign.ts'
import type { RouteTable } from '../rollout/route.ts'
import type { Trace } from '../traces/trace.ts'
import type { Answer, AnswerRequest } from './request.ts'

/** How a copy went: asked to the end, or never, because too many were waiting. */
export type ShadowOutcome = 'sent' | 'dropped'

export type ShadowDeps = {
  routes: () => RouteTable
  /** The production path without limits and budgets: nobody ordered a copy, so nobody pays for it. */
  answer: (request: AnswerRequest) => Answer
  clock: Clock
  /** Hears of every copy that was due. Names are those of the configuration. */
  note: (copy: { route: string; variant: string; outcome: ShadowOutcome }) => void
}

export type Shadow = {
  /** Sends a copy of a request whose user has been answered, when its route has a shadow and the request is in its sample. Never waits. */
  consider(request: AnswerRequest, trace: Readonly<Trace>): void
  /** Gives up what runs and waits: a shutdown does not wait for copies. */
  close(): Promise<void>
}

/**
 * Lets a candidate answer copies of live requests that nobody sees. A copy reads and fills no cache, its trace has the purpose `shadow` and
 * names the original as `metadata.shadow_of`. At most `maxConcurrency` copies of a route are asked at a time, four times as many wait, and
 * further ones are dropped: a candidate slower than the traffic must not fill the memory.
 */
export const createShadow = ({ routes, answer, clock, note }: ShadowDeps): Shadow => {
  const lanes = new Map<string, Lane>()
  const running = new Set<Promise<void>>()
  const stopped = new AbortController()

  const send = async (request: AnswerRequest, shadowOf: string, variant: string): Promise<void> => {
    const startedAtMs = clock()
    const copy = answer({
      ...request,
      id: uuidv7(),
      startedAtMs,
      elapsedMs: () => clock() - startedAtMs,
      pin: variant,
      metadata: { ...request.metadata, shadow_of: shadowOf },
      purpose: 'shadow',
      noteLimits: undefined,
      stream: false,
      chat: { ...request.chat, incremental: false, cache: { mode: 'off' } },
      signal: stopped.signal,
    })
    try {
      for await (const _ of copy.events);
    } catch {
      // Its trace says how it failed; nobody waits for it.
    }
  }

  const start = (lane: Lane): void => {
    while (lane.running < lane.limit) {
      const next = lane.waiting.shift()
      if (next === undefined) return
      lane.running += 1
      const flight = next().finally(() => {
        lane.running -= 1
        running.delete(flight)
        start(lane)
      })
      running.add(flight)
    }
  }

  return {
    consider: (request, trace) => {
      const { shadow } = routes().get(request.route) ?? {}
      if (shadow === undefined || stopped.signal.aborted || trace.purpose !== 'live' || !isWorthCopying(trace, shadow.variant)) return
      // Another route answered in place of one whose budget was used up.
      if (trace.route !== request.route) return
      if (unitHash(request.route, 'shadow', trace.id) >= shadow.samplePercent / 100) return
      const lane = lanes.get(request.route) ?? { running: 0, limit: 1, waiting: [] }
      lanes.set(request.route, lane)
      lane.limit = shadow.maxConcurrency
      const full = lane.waiting.length >= lane.limit * waitingPerRunning
      note({ route: request.route, variant: shadow.variant, outcome: full ? 'dropped' : 'sent' })
      if (full) return
      lane.waiting.push(() => send(request, trace.id, shadow.variant))
      // In a turn of its own: the end of the answer is written first.
      setTimeout(() => start(lane), 0)
    },
    close: async () => {
      stopped.abort()
      for (const lane of lanes.values()) lane.waiting.length = 0
      await Promise.all(running)
    },
  }
}

type Lane = { running: number; limit: number; waiting: (() => Promise<void>)[] }

const waitingPerRunning = 4

/** What a variant has answered or failed to. Where the caller left, or was refused before a variant was asked, there is nothing to compare. */
const isWorthCopying = ({ status, errorCode, variant, cache }: Readonly<Trace>, shadow: string): boolean =>
  variant !== null &&
  variant !== shadow &&
  cache !== 'hit' &&
  cache !== 'stale' &&
  (status === 'ok' || (status === 'error' && !refusals.has(errorCode ?? '')))

/** Of the caller's key, limits or request; a copy would say nothing of the candidate. */
const refusals: ReadonlySet<string> = new Set([
  'rate_limited',
  'insufficient_quota',
  'permission_denied',
  'invalid_request',
  'context_length_exceeded',
  'conflict',
])
