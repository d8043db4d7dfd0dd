import { BudgetExceeded } from '../limits/budgets.ts'
import type { RouteTable } from '../rollout/route.ts'
import type { AnswerRequest } from './request.ts'

/**
 * The request as it goes to the route or variant that a spent budget names; undefined for other errors, and when that is not served. The operator's
 * choice needs no permission of the key. The name that was called is kept in the metadata.
 */
export const instead = (error: unknown, request: AnswerRequest, routes: RouteTable): AnswerRequest | undefined => {
  if (!(error instanceof BudgetExceeded)) return undefined
  const { route, variant } = error.fallback
  if (route === request.route && variant === undefined) return undefined
  const found = routes.get(route)
  if (found === undefined || (variant !== undefined && !found.variants.some(({ name }) => name === variant))) return undefined
  return {
    ...request,
    route,
    pin: variant ?? null,
    principal: { ...request.principal, allowedRoutes: null },
    metadata: { ...request.metadata, budget_fallback_from: request.route },
  }
}
