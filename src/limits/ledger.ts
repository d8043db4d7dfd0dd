import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { type Ask, type Grant, type Taken, take } from './window.ts'

/** The port to where allowances are counted. One take is atomic: all replicas together never get more than the limit. */
export type Ledger = {
  take(subject: string, ask: Ask): Promise<Grant>
}

/** Counts in this process, for one replica alone. */
export const memoryLedger = (clock: Clock): Ledger => {
  const accounts = new Map<string, Taken>()
  return {
    take: async (subject, ask) => {
      const grant = take(accounts.get(subject), ask, clock())
      accounts.set(subject, grant.taken)
      return grant
    },
  }
}

export type StandInOptions = {
  ledger: Ledger
  standIn: Ledger
  clock: Clock
  /** How long a request waits for the ledger, and for how long nobody asks it after it failed. */
  waitMs?: number | undefined
  restMs?: number | undefined
  onError?: ((error: unknown) => void) | undefined
}

/** Counts elsewhere while a ledger is slow or away: then each replica keeps the limits by itself. */
export const withStandIn = ({ ledger, standIn, clock, waitMs = 500, restMs = 1000, onError = () => {} }: StandInOptions): Ledger => {
  let restsUntilMs = 0
  return {
    take: async (subject, ask) => {
      if (clock() < restsUntilMs) return standIn.take(subject, ask)
      try {
        return await inTime(ledger.take(subject, ask), waitMs)
      } catch (error) {
        restsUntilMs = clock() + restMs
        onError(error)
        return standIn.take(subject, ask)
      }
    },
  }
}

/** Refuses with `unavailable` while a ledger is slow or away: for what must not be exceeded. */
export const strict = (ledger: Ledger, waitMs = 2000): Ledger => ({
  take: async (subject, ask) => {
    try {
      return await inTime(ledger.take(subject, ask), waitMs)
    } catch (cause) {
      throw new AppError('unavailable', 'budgets cannot be checked now', { cause, retryAfterMs: 1000 })
    }
  },
})

const inTime = async <T>(promise: Promise<T>, waitMs: number): Promise<T> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new AppError('timeout', `no answer within ${waitMs} ms`)), waitMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
