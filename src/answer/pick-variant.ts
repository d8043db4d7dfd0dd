import { mayCall } from '../keys/principal.ts'
import { AppError } from '../lib/errors.ts'
import { type Dealt, deal } from '../rollout/assign.ts'
import type { Route, RouteTable } from '../rollout/route.ts'
import type { RouteRequest } from './request.ts'

/**
 * The variant of a pin, which is on no side of a trial, or the subject's own. Throws as `routeFor` does, and `conflict` for a pin to a variant
 * that was rolled back.
 */
export const pickVariant = (routes: RouteTable, request: RouteRequest): Dealt => {
  const route = routeFor(routes, request)
  if (request.pin === null) return deal(route, request.subject ?? request.id)
  const pinned = route.variants.find((variant) => variant.name === request.pin)
  if (pinned === undefined) {
    throw new AppError('invalid_request', `'${route.name}' has no variant '${request.pin}'`, { param: 'weir.variant' })
  }
  if (route.disabled?.has(pinned.name)) {
    const message = `the variant '${pinned.name}' of '${route.name}' was rolled back and is disabled; see weir rollouts list`
    throw new AppError('conflict', message, { param: 'weir.variant' })
  }
  return { variant: pinned, arm: null }
}

/** Throws `model_not_found` for a name that nobody serves, and `permission_denied` for one that the caller's key is not for. */
export const routeFor = (routes: RouteTable, { route: name, principal }: Pick<RouteRequest, 'route' | 'principal'>): Route => {
  const route = routes.get(name)
  if (route === undefined) throw new AppError('model_not_found', `the model '${name}' does not exist`, { param: 'model' })
  if (!mayCall(principal, route.name)) {
    throw new AppError('permission_denied', `this API key is not for the model '${route.name}'`, { param: 'model' })
  }
  return route
}
