import { postWebhook } from '../lib/webhook.ts'
import type { BudgetAllowance } from './budgets.ts'

/** Tells a budget's webhook that its soft limit is reached. Tries three times; throws what the last one threw. */
export const sendBudgetWarning = async (
  { budget, place, window, limit, softLimit }: BudgetAllowance,
  signal: AbortSignal,
): Promise<void> => {
  if (budget.webhook === undefined) return
  const body = {
    type: 'budget.warning',
    for: place,
    period: window.kind === 'calendar' ? window.period : null,
    limit_usd: limit / 1e9,
    warned_at_usd: (softLimit ?? limit) / 1e9,
    warn_percent: budget.warnPercent,
  }
  await postWebhook({ url: budget.webhook, body, what: `the webhook of the budget for ${place}`, signal })
}
