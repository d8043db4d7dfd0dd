import type { Admit } from '../answer/admit.ts'
import type { WeirConfig } from '../config/schema.ts'
import { costOf } from '../cost/cost-of.ts'
import type { DatabaseHandle } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { type Budget, type BudgetAllowance, BudgetExceeded, createBudgets } from '../limits/budgets.ts'
import { createLeases } from '../limits/leases.ts'
import { memoryLedger, strict, withStandIn } from '../limits/ledger.ts'
import { createLimiter } from '../limits/limiter.ts'
import { postgresLedger } from '../limits/postgres-ledger.ts'
import { limitsInMetadata, type Rule, type Who } from '../limits/rules.ts'
import { sendBudgetWarning } from '../limits/webhook.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Trace } from '../traces/trace.ts'
import type { PriceOf } from './prices.ts'

export type AdmissionDeps = {
  database: Pick<DatabaseHandle, 'db' | 'kind'>
  clock: Clock
  rules: () => readonly Rule[]
  budgets: () => readonly Budget[]
  priceOf: () => PriceOf
  organisationOf: (tenant: string) => string | null
  log: Logger
  signal: AbortSignal
}

export type Admitting = {
  admit: Admit
  /** Counts what a call cost that was made behind an answer's back: it belongs to the tenant's budgets, and to no key's. */
  charge(trace: Pick<Trace, 'tenant' | 'route' | 'model' | 'costUsd'>): void
  close(): Promise<void>
}

/** Limits and budgets in front of every model. Without any, a request passes at once. */
export const createAdmission = (deps: AdmissionDeps): Admitting => {
  const { database, clock, rules, budgets, priceOf, organisationOf, log, signal } = deps
  const shared = postgresLedger({ db: database.db, clock })
  const standIn = memoryLedger(clock)
  const away = (error: unknown) => log.warn({ err: error }, 'limits are counted by this replica alone while the database is away')
  // One process alone can count in memory.
  const ledger = database.kind === 'pglite' ? standIn : withStandIn({ ledger: shared, standIn, clock, onError: away })
  const limitLeases = createLeases({ ledger, clock, onError: away })
  const budgetLeases = createLeases<BudgetAllowance>({
    ledger: strict(shared),
    clock,
    // Half of what limits hold: money that one replica holds, another cannot spend.
    sliceShare: 0.01,
    onSoftLimit: (allowance) => {
      log.warn({ budget: allowance.subject, warn_percent: allowance.budget.warnPercent }, 'a budget is nearly used up')
      sendBudgetWarning(allowance, signal).catch((error) =>
        log.error({ err: error, budget: allowance.subject }, 'a budget warning was not sent'),
      )
    },
    onError: (error) => log.warn({ err: error }, 'what a budget has spent will be told later'),
  })
  const limiter = createLimiter({ leases: limitLeases, rules })
  const spending = createBudgets({ leases: budgetLeases, budgets })

  const admit: Admit = async ({ request, variant, estimate }) => {
    const { principal, route } = request
    const own = limitsInMetadata(principal.metadata)
    if (own === undefined && rules().length === 0 && budgets().length === 0) return nothing
    const who: Who = {
      key: principal.keyId,
      tenant: principal.tenant,
      organisation: principal.organisation ?? null,
      route,
      model: variant.model,
    }
    const { prompt, completion = usualCompletionTokens, images } = estimate()
    const admitted = await limiter.admit({ who, own, tokens: prompt + completion, note: (limits) => request.noteLimits?.(limits) })
    const estimateUsd = costOfEstimate(priceOf()(variant.model, null, clock()), prompt, completion, images)
    const reservation = await spending.reserve(who, estimateUsd).catch((error) => {
      if (error instanceof BudgetExceeded) admitted.cancel()
      else admitted.settle(0)
      throw error
    })
    return {
      settle: (trace) => {
        const cached = trace.cache === 'hit' || trace.cache === 'stale'
        const used = (trace.promptTokens ?? 0) + (trace.completionTokens ?? 0)
        // Broken off after its first token, a request tells neither tokens nor cost: then the estimate stands.
        const cutOff = trace.promptTokens === null && trace.firstTokenMs !== null
        admitted.settle(cached ? 0 : cutOff ? prompt + completion : used)
        reservation.settle(cached ? 0 : (trace.costUsd ?? (cutOff ? estimateUsd : 0)))
      },
    }
  }
  return {
    admit,
    charge: ({ tenant, route, model, costUsd }) => {
      if (!costUsd || model === null || budgets().length === 0) return
      spending.charge({ key: null, tenant, organisation: organisationOf(tenant), route, model }, costUsd)
    },
    close: async () => {
      await limitLeases.close()
      await budgetLeases.close()
    },
  }
}

const nothing = { settle: () => {} }

/** What is reserved for an answer whose request sets no bound, in tokens, and for one that is priced by time, in milliseconds. */
const usualCompletionTokens = 1024
const usualAnswerMs = 10_000

/** What has no price, such as a local model, spends no budget. Hosted models have one: `budgetsOf` sees to it. */
const costOfEstimate = (price: ReturnType<PriceOf>, promptTokens: number, completionTokens: number, images = 0): number => {
  if (price === undefined) return 0
  return costOf(price, { usage: { promptTokens, completionTokens, cachedTokens: 0 }, images, upstreamMs: usualAnswerMs }) ?? 0
}

/** The budgets of a configuration. Throws `invalid_request` when a hosted model has no price: no budget could count it. */
export const budgetsOf = (config: WeirConfig, priceOf: PriceOf, nowMs: number): Budget[] => {
  const unpriced = Object.entries(config.models).flatMap(([id, model]) =>
    'provider' in model && priceOf(id, null, nowMs) === undefined ? [id] : [],
  )
  if (config.budgets.length > 0 && unpriced.length > 0) {
    throw new AppError('invalid_request', `budgets need a price for every hosted model: set models.<name>.price for ${unpriced.join(', ')}`)
  }
  return config.budgets.map(({ warn_percent: warnPercent, on_exceeded: instead, ...same }) => ({
    ...same,
    warnPercent,
    fallback: instead && { route: instead.fallback, variant: instead.variant },
  }))
}
