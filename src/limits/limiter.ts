import { AppError } from '../lib/errors.ts'
import type { Allowance, Lease, Leases } from './leases.ts'
import { applying, type Limits, type RateLimitName, type Rule, rateLimitNames, rateLimits, type Who } from './rules.ts'

/** What is left of the tightest limit of each unit. */
export type RateLimits = { requests?: RateLimit; tokens?: RateLimit }
export type RateLimit = { limit: number; remaining: number; resetMs: number }

export type Limiter = {
  /**
   * Lets a request go ahead, or throws `rate_limited`. `tokens` is an estimate; `settle` says what they were. `note` hears of the limits
   * in both cases.
   */
  admit(request: Admitting): Promise<Admitted>
}

export type Admitting = {
  who: Who
  tokens: number
  /** The key's own limits. */
  own?: Limits | undefined
  note: (limits: RateLimits) => void
}

/** A request counts whatever came of it. */
export type Admitted = {
  settle(tokens: number): void
  /** As if it had not been: it goes on as another request. */
  cancel(): void
}

export const createLimiter = ({ leases, rules }: { leases: Leases; rules: () => readonly Rule[] }): Limiter => {
  const running = new Map<string, number>()

  const enter = (place: string, limit: number): (() => void) => {
    const count = running.get(place) ?? 0
    if (count >= limit) {
      throw new AppError('rate_limited', `${limit} requests are running already: ${place}`, { retryAfterMs: 1000 })
    }
    running.set(place, count + 1)
    return () => {
      const now = (running.get(place) ?? 1) - 1
      if (now === 0) running.delete(place)
      else running.set(place, now)
    }
  }

  return {
    admit: async ({ who, tokens, own, note }) => {
      const taken: { lease: Lease; unit: 'requests' | 'tokens' }[] = []
      const leave: (() => void)[] = []
      const seen: RateLimits = {}
      try {
        for (const rule of rulesFor(who, rules(), own)) {
          const place = `${rule.per} ${who[rule.per]}`
          if (rule.concurrency !== undefined) leave.push(enter(place, rule.concurrency))
          for (const name of rateLimitNames) {
            const limit = rule[name]
            if (limit === undefined) continue
            const { unit } = rateLimits[name]
            const amount = unit === 'requests' ? 1 : Math.min(tokens, limit)
            const lease = await leases.take(allowance(name, limit, place), amount).catch((error) => {
              notice(seen, unit, { limit, remaining: 0, resetMs: error instanceof AppError ? (error.retryAfterMs ?? 0) : 0 })
              throw error
            })
            notice(seen, unit, { limit, remaining: lease.free, resetMs: lease.resetMs ?? 0 })
            taken.push({ lease, unit })
          }
        }
      } catch (error) {
        for (const { lease } of taken) lease.settle(0)
        for (const one of leave) one()
        throw error
      } finally {
        if (seen.requests || seen.tokens) note(seen)
      }
      const end = (requests: number, tokens: number) => {
        for (const { lease, unit } of taken) lease.settle(unit === 'requests' ? requests : tokens)
        for (const one of leave.splice(0)) one()
      }
      return { settle: (used) => end(1, used), cancel: () => end(0, 0) }
    },
  }
}

/** A key's own limits take the place of those for every key. */
const rulesFor = (who: Who, rules: readonly Rule[], own: Limits | undefined): Rule[] => {
  const fitting = applying(rules, who)
  if (own === undefined || who.key === null) return fitting
  return [{ per: 'key', name: who.key, ...own }, ...fitting.filter((rule) => rule.per !== 'key')]
}

const allowance = (name: RateLimitName, limit: number, place: string): Allowance => ({
  subject: `limit ${place} ${name}`,
  title: `${name.replaceAll('_', ' ')} for ${place}`,
  window: { kind: 'sliding', lengthMs: rateLimits[name].lengthMs },
  limit,
  code: 'rate_limited',
})

const notice = (seen: RateLimits, unit: 'requests' | 'tokens', state: RateLimit): void => {
  const known = seen[unit]
  if (known === undefined || state.remaining / state.limit < known.remaining / known.limit) seen[unit] = state
}
