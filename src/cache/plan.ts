import type { ChatRequest } from '../models/chat-model.ts'
import type { CacheEntry } from './store.ts'

/** What a route keeps. */
export type CacheSettings = {
  /** How long an answer is good for, and how long after that it may still be given while a new one is made. */
  ttlMs: number
  staleMs: number
  /** `deterministic`: those with temperature 0 or a seed, and those that ask for it. */
  requests: 'deterministic' | 'all'
}

export type CachePlan = { read: boolean; write: boolean; maxAgeMs: number }

/** What the cache does for a request; undefined: nothing. */
export const planCache = (request: ChatRequest, settings: CacheSettings): CachePlan | undefined => {
  const { mode, maxAgeS } = request.cache ?? {}
  const wanted = mode ?? (settings.requests === 'all' || isDeterministic(request) ? 'on' : 'off')
  if (wanted === 'off') return undefined
  return {
    read: wanted !== 'write_only' && maxAgeS !== 0,
    write: wanted !== 'read_only',
    maxAgeMs: Math.min(settings.ttlMs + settings.staleMs, (maxAgeS ?? Number.POSITIVE_INFINITY) * 1000),
  }
}

/** Whether an answer may be given again, going by its age. */
export const freshness = (
  entry: CacheEntry,
  plan: CachePlan,
  { ttlMs, staleMs }: CacheSettings,
  nowMs: number,
): 'fresh' | 'stale' | 'gone' => {
  const ageMs = nowMs - entry.storedAtMs
  if (ageMs >= plan.maxAgeMs || ageMs >= ttlMs + staleMs) return 'gone'
  return ageMs < ttlMs ? 'fresh' : 'stale'
}

const isDeterministic = ({ sampling }: ChatRequest): boolean => sampling.temperature === 0 || sampling.seed !== undefined
