import { AppError } from '../lib/errors.ts'
import type { Allowance, Leases } from './leases.ts'
import { applying, type Dimension, type Who } from './rules.ts'

/** US dollars that each key, tenant, route or model, or the one named, may spend. */
export type Budget = {
  per: Dimension
  name?: string | undefined
  period: 'day' | 'month' | 'total'
  usd: number
  /** A warning is sent once in a period when so much is spent or reserved. */
  warnPercent?: number | undefined
  webhook?: string | undefined
  /** What takes over when nothing is left, as far as it fits itself. */
  fallback?: BudgetFallback | undefined
}

/** A route, or one variant of it. */
export type BudgetFallback = { route: string; variant?: string | undefined }

/** A budget has no room for a request. `fallback`: what may take it over. */
export class BudgetExceeded extends AppError {
  readonly fallback: BudgetFallback

  constructor(refusal: AppError, fallback: BudgetFallback) {
    super(refusal.code, refusal.message, { cause: refusal.cause, retryAfterMs: refusal.retryAfterMs })
    this.fallback = fallback
  }
}

export type Budgets = {
  /** Reserves the estimated cost of a request with every budget that it falls under, or throws `insufficient_quota` or `BudgetExceeded`. */
  reserve(who: Who, estimateUsd: number): Promise<Reservation>
  /** Counts what was spent without a reservation, by a call that no request waited for. */
  charge(who: Who, usd: number): void
}

export type Reservation = {
  /** US dollars that it really cost. */
  settle(usd: number): void
}

export const createBudgets = ({ leases, budgets }: { leases: Leases<BudgetAllowance>; budgets: () => readonly Budget[] }): Budgets => ({
  reserve: async (who, estimateUsd) => {
    const reserved: Reservation[] = []
    try {
      for (const budget of applying(budgets(), who)) {
        const lease = await leases.take(budgetAllowance(budget, who), nanoUsd(estimateUsd)).catch((error) => {
          const isSpent = error instanceof AppError && error.code === 'insufficient_quota'
          throw isSpent && budget.fallback !== undefined ? new BudgetExceeded(error, budget.fallback) : error
        })
        reserved.push({ settle: (usd) => lease.settle(nanoUsd(usd)) })
      }
    } catch (error) {
      for (const reservation of reserved) reservation.settle(0)
      throw error
    }
    return {
      settle: (usd) => {
        for (const reservation of reserved) reservation.settle(usd)
      },
    }
  },
  charge: (who, usd) => {
    for (const budget of applying(budgets(), who)) leases.spend(budgetAllowance(budget, who), nanoUsd(usd))
  },
})

export type BudgetAllowance = Allowance & { budget: Budget; place: string }

const budgetAllowance = (budget: Budget, who: Who): BudgetAllowance => {
  const place = `${budget.per} ${who[budget.per]}`
  const limit = nanoUsd(budget.usd)
  return {
    budget,
    place,
    subject: `budget ${place} ${budget.period}`,
    title: `${spans[budget.period]} for ${place}`,
    window: { kind: 'calendar', period: budget.period },
    limit,
    softLimit: budget.warnPercent === undefined ? undefined : Math.floor((limit * budget.warnPercent) / 100),
    code: 'insufficient_quota',
    show: (units) => `$${units / 1e9}`,
  }
}

const spans = { day: 'a day', month: 'a month', total: 'in all' } as const

/** Billionths of a US dollar, rounded up: whole numbers add up without error. */
const nanoUsd = (usd: number): number => Math.ceil(usd * 1e9 - 1e-6)
