import { pause } from '../lib/pause.ts'
import type { BudgetAllowance } from './budgets.ts'

/** Tells a budget's webhook that its soft limit is reached. Tries three times; throws what the last one threw. */
export const sendBudgetWarning = async (
  { budget, place, window, limit, softLimit }: BudgetAllowance,
  signal: AbortSignal,
): Promise<void> => {
  if (budget.webhook === undefined) return
  const body = JSON.stringify({
    type: 'budget.warning',
    for: place,
    period: window.kind === 'calendar' ? window.period : null,
    limit_usd: limit / 1e9,
    warned_at_usd: (softLimit ?? limit) / 1e9,
    warn_percent: budget.warnPercent,
  })
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(budget.webhook, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]),
      })
      await response.body?.cancel()
      if (response.ok) return
      throw new Error(`the webhook of the budget for ${place} answered ${response.status}`)
    } catch (error) {
      if (attempt === 3 || signal.aborted) throw error
      await pause(attempt * 1000, signal)
    }
  }
}
