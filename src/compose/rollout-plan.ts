import { z } from 'zod'
import { type PlanSettings, rolloutPlanFields } from '../config/rollout.ts'
import type { WeirConfig } from '../config/schema.ts'
import { AppError } from '../lib/errors.ts'
import { isOver } from '../rollout/decide.ts'
import { heaviest } from '../rollout/overlays.ts'
import { plannedMetrics, type RolloutPlan } from '../rollout/plan.ts'
import type { RouteTable, Variant } from '../rollout/route.ts'
import type { NewRollout, Rollout } from '../rollout/store.ts'

/** A plan by itself, as `POST /admin/rollouts` takes it. */
export const planSchema = z.strictObject(rolloutPlanFields)

/** The plan given, or that of the route, or the usual one; with the roles of the metrics as they are declared now. */
export const planOf = (config: WeirConfig, route: string | undefined, given: PlanSettings | undefined): RolloutPlan => {
  if (route !== undefined && !Object.hasOwn(config.routes, route)) throw unknownRoute(route)
  const settings = given ?? (route === undefined ? undefined : config.routes[route]?.rollout) ?? planSchema.parse({})
  return {
    alpha: settings.alpha,
    failureMargin: settings.failure_margin,
    rescue: settings.rescue,
    metrics: plannedMetrics(config.metrics, settings.metrics),
    steps: settings.steps.map((step) => ({
      mode: step.mode,
      weightPercent: step.weight_percent,
      minDurationMs: step.min_duration_s * 1000,
      maxDurationMs: step.max_duration_s * 1000,
      minSamples: step.min_samples,
      gate: step.gate,
      onInconclusive: step.on_inconclusive,
    })),
  }
}

type Wish = { route: string; candidate: string | undefined; stable: string | undefined; plan: PlanSettings | undefined }

/** A rollout that may be started. Throws `not_found` for an unknown route, and `invalid_request` for variants that cannot be compared. */
export const prepareRollout = (
  config: WeirConfig,
  routes: RouteTable,
  wish: Wish,
  createdBy: string,
  serves: (variant: Variant) => boolean,
): NewRollout => {
  const plan = planOf(config, wish.route, wish.plan)
  const declared = config.routes[wish.route]
  const inForce = routes.get(wish.route)
  if (declared === undefined || inForce === undefined) throw unknownRoute(wish.route)
  const hashes = new Map(inForce.variants.map(({ name, hash }) => [name, hash]))
  const known = [...hashes.keys()].join(', ')
  const hashOf = (role: 'candidate' | 'stable', name: string): string => {
    const hash = hashes.get(name)
    if (hash === undefined)
      throw new AppError('invalid_request', `'${wish.route}' has no variant '${name}'; it has ${known}`, { param: role })
    return hash
  }
  const stable = wish.stable ?? declared.rollout?.stable ?? heaviest(inForce)
  const candidate = wish.candidate ?? declared.rollout?.candidate
  if (candidate === undefined)
    throw new AppError('invalid_request', `name the candidate: '${wish.route}' has ${known}`, { param: 'candidate' })
  if (candidate === stable)
    throw new AppError('invalid_request', `'${candidate}' is what '${wish.route}' serves: name another candidate, or stable`, {
      param: 'candidate',
    })
  const unserved = inForce.variants.find((variant) => variant.name === candidate && !serves(variant))
  if (unserved) {
    const message = `'${candidate}' has no model that serves here: '${unserved.model}' is not configured, or the key of its host is not set`
    throw new AppError('invalid_request', message, { param: 'candidate' })
  }
  return {
    route: wish.route,
    candidate,
    candidateHash: hashOf('candidate', candidate),
    stable,
    stableHash: hashOf('stable', stable),
    declaredWeights: Object.fromEntries(declared.variants.map(({ name, weight_percent }) => [name, weight_percent])),
    plan,
    createdBy,
  }
}

/** Candidates of routes with `start: auto` that were never rolled out as the variants they are now. */
export const wantedRollouts = (
  config: WeirConfig,
  routes: RouteTable,
  rolloutsOf: (route: string) => readonly Rollout[],
  serves: (variant: Variant) => boolean,
): NewRollout[] =>
  Object.entries(config.routes).flatMap(([route, { rollout }]) => {
    const inForce = routes.get(route)
    if (rollout?.start !== 'auto' || rollout.candidate === undefined || inForce === undefined) return []
    const candidate = inForce.variants.find(({ name }) => name === rollout.candidate)
    if (candidate === undefined || !serves(candidate)) return []
    const { hash } = candidate
    const before = rolloutsOf(route)
    const tried = before.some(({ status, candidateHash }) => !isOver(status) || candidateHash === hash)
    if (tried || heaviest(inForce) === rollout.candidate) return []
    return [prepareRollout(config, routes, { route, candidate: undefined, stable: undefined, plan: undefined }, 'controller', serves)]
  })

const unknownRoute = (route: string) =>
  new AppError('not_found', `'${route}' is not a declared route: a rollout needs one with two variants`, { param: 'route' })
