/**
 * The span over which an allowance holds. `sliding`: no more than the limit in any span of this length, by the sliding-window counter: what
 * the last fixed span used counts for the share of it that still overlaps. `calendar`: from midnight or the first of the month, UTC.
 */
export type Window = { kind: 'sliding'; lengthMs: number } | { kind: 'calendar'; period: 'day' | 'month' | 'total' }

/** What has been taken of an allowance, in whole units. */
export type Taken = {
  /** Start of the span, in milliseconds since the epoch. */
  startMs: number
  used: number
  /** Used in the span before. */
  before: number
  /** Whether the passing of the soft limit has been told in this span. */
  warned: boolean
}

export type Ask = {
  window: Window
  limit: number
  /** Units wanted; fewer are granted when there are no more. */
  want: number
  /** Units used beyond what was taken, to be counted whatever the limit; negative ones are given back. */
  owed: number
  /** Reaching so many units is worth a warning, once in a span. */
  softLimit?: number | undefined
}

export type Grant = {
  granted: number
  /** What is taken now, by everybody. */
  taken: Taken
  /** True for exactly one of all replicas. */
  crossedSoftLimit: boolean
}

/** The start of the span that a moment lies in. */
export const startOf = (window: Window, nowMs: number): number => {
  if (window.kind === 'sliding') return nowMs - (nowMs % window.lengthMs)
  if (window.period === 'total') return 0
  const now = new Date(nowMs)
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), window.period === 'day' ? now.getUTCDate() : 1)
}

/** The end of that span; undefined when it has none. */
export const endOf = (window: Window, nowMs: number): number | undefined => {
  const startMs = startOf(window, nowMs)
  if (window.kind === 'sliding') return startMs + window.lengthMs
  if (window.period === 'total') return undefined
  const start = new Date(startMs)
  const [month, day] = window.period === 'day' ? [0, 1] : [1, 0]
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + month, start.getUTCDate() + day)
}

/** Decides what may be taken. Clocks of replicas may differ: a span that has begun stays begun. */
export const take = (known: Taken | undefined, { window, limit, want, owed, softLimit }: Ask, nowMs: number): Grant => {
  const now = Math.max(nowMs, known?.startMs ?? 0)
  const current = roll(known, window, now)
  const settled = { ...current, used: Math.max(0, current.used + owed) }
  const granted = Math.min(want, freeOf(settled, { window, limit }, now))
  const used = settled.used + granted
  const crossedSoftLimit = softLimit !== undefined && used >= softLimit && !current.warned
  return { granted, taken: { ...settled, used, warned: current.warned || crossedSoftLimit }, crossedSoftLimit }
}

/** Whole units that are left. */
export const freeOf = (taken: Taken, { window, limit }: Pick<Ask, 'window' | 'limit'>, nowMs: number): number => {
  const { used, before } = roll(taken, window, Math.max(nowMs, taken.startMs))
  return Math.max(0, Math.floor(limit - used - before * shareStillCounting(window, nowMs)))
}

/** Milliseconds until so many units are free, nobody else asking; undefined when they never are. */
export const waitOf = (
  taken: Taken,
  { window, limit }: Pick<Ask, 'window' | 'limit'>,
  amount: number,
  nowMs: number,
): number | undefined => {
  if (amount > limit) return undefined
  if (window.kind === 'calendar') {
    const end = endOf(window, nowMs)
    return end === undefined ? undefined : end - nowMs
  }
  const { used, before } = roll(taken, window, Math.max(nowMs, taken.startMs))
  const { lengthMs } = window
  const elapsedMs = nowMs % lengthMs
  /** When so much of a past span's use has slid out that `room` is left. */
  const slidOutMs = (past: number, room: number) => (past <= room ? 0 : lengthMs * (1 - room / past))
  if (used + amount <= limit) return Math.max(1, Math.ceil(slidOutMs(before, limit - amount - used) - elapsedMs))
  return Math.ceil(lengthMs - elapsedMs + slidOutMs(used, limit - amount))
}

const roll = (known: Taken | undefined, window: Window, nowMs: number): Taken => {
  const startMs = startOf(window, nowMs)
  if (known?.startMs === startMs) return known
  const follows = window.kind === 'sliding' && known !== undefined && startMs - known.startMs === window.lengthMs
  return { startMs, used: 0, before: follows ? known.used : 0, warned: false }
}

const shareStillCounting = (window: Window, nowMs: number): number =>
  window.kind === 'sliding' ? 1 - (nowMs % window.lengthMs) / window.lengthMs : 0
