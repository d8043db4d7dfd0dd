import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import type { Ledger } from './ledger.ts'
import { endOf, freeOf, startOf, type Taken, type Window, waitOf } from './window.ts'

/** What may be taken, of what, and how much of it. */
export type Allowance = {
  /** What it is counted under. */
  subject: string
  /** For messages, after "the limit of 60": `requests per minute for tenant acme`. */
  title: string
  window: Window
  /** Whole units. */
  limit: number
  softLimit?: number | undefined
  /** How a refusal is told. */
  code: 'rate_limited' | 'insufficient_quota'
  /** Units as people read them. */
  show?: ((units: number) => string) | undefined
}

export type Lease = {
  /** Units left, as far as this replica knows. */
  free: number
  /** Until the window ends; undefined when it does not. */
  resetMs: number | undefined
  /** Says what was really used of the units taken; once. */
  settle(used: number): void
}

export type Leases<A extends Allowance = Allowance> = {
  /** Takes units, or throws the allowance's code with the time to wait, if there is one. */
  take(allowance: A, amount: number): Promise<Lease>
  /** Counts units that were used without having been taken, whatever is left. */
  spend(allowance: A, amount: number): void
  /** Gives back what is held and not used. */
  close(): Promise<void>
}

export type LeasesOptions<A extends Allowance> = {
  ledger: Ledger
  clock: Clock
  /** Share of a limit that is held beforehand, so that most requests ask nobody. Two replicas leave at most twice this much unused. */
  sliceShare?: number | undefined
  /** Milliseconds after which what nobody took is given back. */
  idleMs?: number | undefined
  /** Told once in a window, on one replica, that a soft limit was reached. */
  onSoftLimit?: ((allowance: A) => void) | undefined
  onError?: ((error: unknown) => void) | undefined
}

/** Decides most requests in memory, out of slices of the shared allowance that were taken beforehand. */
export const createLeases = <A extends Allowance = Allowance>(options: LeasesOptions<A>): Leases<A> => {
  const { ledger, clock, sliceShare = 0.02, idleMs = 2000, onSoftLimit, onError = () => {} } = options
  const stocks = new Map<string, Stock<A>>()

  const stockOf = (allowance: A): Stock<A> => {
    const startMs = startOf(allowance.window, clock())
    let stock = stocks.get(allowance.subject)
    if (stock === undefined) {
      const taken: Taken = { startMs, used: 0, before: 0, warned: false }
      stock = { allowance, startMs, taken, held: 0, waiting: 0, refused: undefined, refill: undefined, returning: undefined, usedAtMs: 0 }
      stocks.set(allowance.subject, stock)
    }
    // Units of a window are worth nothing in the next one; what was used too much is still owed.
    if (startMs > stock.startMs) Object.assign(stock, { startMs, held: Math.min(0, stock.held), refused: undefined })
    stock.allowance = allowance
    return stock
  }

  /** Asks the ledger for what is waited for and a slice more. At most one question at a time for each subject. */
  const refill = (stock: Stock<A>): Promise<'filled' | 'short'> => {
    stock.refill ??= askLedger(stock).finally(() => {
      stock.refill = undefined
    })
    return stock.refill
  }
  const askLedger = async (stock: Stock<A>): Promise<'filled' | 'short'> => {
    // What is on its way back must be there before anybody is told that nothing is left.
    await stock.returning
    const { allowance } = stock
    const { subject, window, limit, softLimit } = allowance
    const owed = Math.max(0, -stock.held)
    const want = Math.max(0, stock.waiting + sliceOf(allowance) - Math.max(0, stock.held))
    stock.held += owed
    try {
      const { granted, taken, crossedSoftLimit } = await ledger.take(subject, { window, limit, want, owed, softLimit })
      stock.taken = taken
      if (taken.startMs >= stock.startMs) {
        stock.startMs = taken.startMs
        stock.held += granted
      }
      if (crossedSoftLimit) onSoftLimit?.(allowance)
      return granted < want ? 'short' : 'filled'
    } catch (error) {
      stock.held -= owed
      throw error
    }
  }
  const sliceOf = ({ limit }: A) => Math.floor(limit * sliceShare)

  const giveBack = async (stock: Stock<A>, keep: number): Promise<void> => {
    const surplus = stock.held - keep
    if (surplus === 0 || stock.refill !== undefined || startOf(stock.allowance.window, clock()) > stock.startMs) return
    stock.held -= surplus
    const { subject, window, limit, softLimit } = stock.allowance
    const returned = ledger.take(subject, { window, limit, want: 0, owed: -surplus, softLimit })
    stock.returning = Promise.allSettled([stock.returning, returned]).then(() => {})
    stock.taken = (await returned).taken
  }

  /** What was held too much goes back, what was used too much is told, so that other replicas know. */
  const sweep = setInterval(() => {
    for (const [subject, stock] of stocks) {
      const idle = clock() - stock.usedAtMs > idleMs
      if (idle && stock.held === 0 && stock.waiting === 0) stocks.delete(subject)
      else if (idle) void giveBack(stock, 0).catch(onError)
    }
  }, idleMs)
  sweep.unref()

  const settler = (allowance: A, startMs: number, amount: number) => {
    let settled = false
    return (used: number) => {
      if (settled) return
      settled = true
      const stock = stockOf(allowance)
      const over = used - amount
      if (over <= 0 && stock.startMs > startMs) return
      stock.held -= over
      if (stock.held < 0) void refill(stock).catch(onError)
      else if (stock.held > 2 * sliceOf(allowance) && stock.waiting === 0) void giveBack(stock, sliceOf(allowance)).catch(onError)
    }
  }

  const refuse = (stock: Stock<A>, amount: number): never => {
    const { title, limit, code, show = String } = stock.allowance
    const retryAfterMs = waitOf(stock.taken, stock.allowance, amount, clock())
    throw new AppError(code, `the limit of ${show(limit)} ${title} is used up`, { retryAfterMs })
  }

  return {
    take: async (allowance, amount) => {
      const stock = stockOf(allowance)
      stock.usedAtMs = clock()
      while (stock.held < amount) {
        const { refused } = stock
        if (refused !== undefined && clock() < refused.untilMs && amount >= refused.amount) refuse(stock, amount)
        stock.waiting += amount
        const answer = await refill(stock).finally(() => {
          stock.waiting -= amount
        })
        stockOf(allowance)
        if (stock.held < amount && answer === 'short') {
          stock.refused = { amount, untilMs: clock() + recheckMs }
          refuse(stock, amount)
        }
      }
      stock.held -= amount
      const slice = sliceOf(allowance)
      if (stock.held < slice / 2) void refill(stock).catch(onError)
      const endMs = endOf(allowance.window, clock())
      return {
        free: freeOf(stock.taken, allowance, clock()) + Math.max(0, stock.held),
        resetMs: endMs === undefined ? undefined : endMs - clock(),
        settle: settler(allowance, stock.startMs, amount),
      }
    },
    spend: (allowance, amount) => {
      const stock = stockOf(allowance)
      stock.usedAtMs = clock()
      stock.held -= amount
      if (stock.held < 0) void refill(stock).catch(onError)
    },
    close: async () => {
      clearInterval(sweep)
      for (const stock of stocks.values()) {
        // A waiter may ask again after each answer, and units on their way back must have arrived.
        while (stock.refill !== undefined) await stock.refill.catch(onError)
        await giveBack(stock, 0).catch(onError)
        await stock.returning
      }
    },
  }
}

type Stock<A extends Allowance> = {
  allowance: A
  startMs: number
  /** By everybody, when the ledger was last asked. */
  taken: Taken
  /** Units that may be used without asking; negative when more was used than taken. */
  held: number
  /** Units that requests wait for. */
  waiting: number
  /** So many units and more were not to be had: saves asking again for each request of a flood. */
  refused: { amount: number; untilMs: number } | undefined
  refill: Promise<'filled' | 'short'> | undefined
  returning: Promise<unknown> | undefined
  usedAtMs: number
}

/** Other replicas may give units back, so a refusal is not believed for longer than this. */
const recheckMs = 100
