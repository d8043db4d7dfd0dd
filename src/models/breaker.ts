import type { Clock } from '../lib/clock.ts'

export type BreakerOptions = {
  /** Share of failed calls in the window that opens the breaker, in (0, 1]. */
  failureRatio: number
  /** Calls in the window below which nothing is concluded. */
  minCalls: number
  windowMs: number
  /** How long an open breaker keeps calls away before it lets one probe through. */
  cooldownMs: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'
export type CallOutcome = 'ok' | 'failed' | 'nothing'

export type Breaker = {
  state(): BreakerState
  /** Takes part in a call: `undefined` when calls are kept away. The outcome must be told exactly once. */
  enter(): ((outcome: CallOutcome) => void) | undefined
  /** Whether `enter` would let a call in. */
  admits(): boolean
  /** Milliseconds until a probe is let in; 0 when calls are. */
  restMs(): number
}

/** Buckets of the rolling window: memory stays the same at any request rate. */
const bucketCount = 10

/** Counts calls over a rolling window and decides when to keep them away. Nygard, Release It!, 2nd edition, §5. */
export const createBreaker = (options: BreakerOptions, clock: Clock, onChange: (state: BreakerState) => void = () => {}): Breaker => {
  const bucketMs = options.windowMs / bucketCount
  let buckets: { startMs: number; calls: number; failures: number }[] = []
  let openedAtMs: number | undefined
  let probing = false
  let known: BreakerState = 'closed'

  const state = (): BreakerState => {
    if (openedAtMs === undefined) return 'closed'
    return clock() - openedAtMs >= options.cooldownMs ? 'half-open' : 'open'
  }
  const tell = () => {
    const now = state()
    if (now === known) return
    known = now
    onChange(now)
  }
  const count = (failed: boolean) => {
    const nowMs = clock()
    const startMs = nowMs - (nowMs % bucketMs)
    buckets = buckets.filter((bucket) => bucket.startMs > nowMs - options.windowMs)
    const last = buckets.at(-1)
    const bucket = last?.startMs === startMs ? last : { startMs, calls: 0, failures: 0 }
    if (bucket !== last) buckets.push(bucket)
    bucket.calls += 1
    if (failed) bucket.failures += 1
  }
  const tooManyFailures = () => {
    const calls = buckets.reduce((sum, bucket) => sum + bucket.calls, 0)
    const failures = buckets.reduce((sum, bucket) => sum + bucket.failures, 0)
    return calls >= options.minCalls && failures / calls >= options.failureRatio
  }
  const settle = (outcome: CallOutcome) => {
    if (outcome === 'nothing') return
    count(outcome === 'failed')
    if (openedAtMs === undefined && tooManyFailures()) openedAtMs = clock()
    tell()
  }
  const settleProbe = (outcome: CallOutcome) => {
    probing = false
    if (outcome === 'ok') {
      openedAtMs = undefined
      buckets = []
    } else if (outcome === 'failed') openedAtMs = clock()
    tell()
  }
  const admits = () => {
    const now = state()
    return now === 'closed' || (now === 'half-open' && !probing)
  }
  return {
    state,
    admits,
    enter() {
      if (!admits()) return undefined
      tell()
      if (state() === 'closed') return settle
      probing = true
      return settleProbe
    },
    restMs: () => (openedAtMs === undefined ? 0 : Math.max(0, openedAtMs + options.cooldownMs - clock())),
  }
}
