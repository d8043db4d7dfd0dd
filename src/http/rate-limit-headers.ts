import type { RateLimit, RateLimits } from '../limits/limiter.ts'

/** OpenAI's headers: what is limited, what is left, and when all of it is back, as `120ms`, `1s` or `6m0s`. */
export const rateLimitHeaders = (limits: RateLimits): [name: string, value: string][] =>
  (['requests', 'tokens'] as const).flatMap((unit) => (limits[unit] ? headersOf(unit, limits[unit]) : []))

const headersOf = (unit: string, { limit, remaining, resetMs }: RateLimit): [string, string][] => [
  [`x-ratelimit-limit-${unit}`, String(limit)],
  [`x-ratelimit-remaining-${unit}`, String(remaining)],
  [`x-ratelimit-reset-${unit}`, duration(resetMs)],
]

const duration = (ms: number): string => {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const seconds = Math.ceil(ms / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return `${hours > 0 ? `${hours}h` : ''}${seconds >= 60 ? `${minutes}m` : ''}${seconds % 60}s`
}
