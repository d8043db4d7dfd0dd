import type { RouteOverlay } from './overlay.ts'
import { compares } from './plan.ts'
import { type Route, usualShadow } from './route.ts'
import type { Rollout } from './store.ts'

/**
 * What the rollouts of a route, oldest first, make of its declaration.
 *
 * A rollout that is over has the last word only while the declaration gives the weights that it gave when the rollout began: whoever
 * changes them in the file, or puts the route anew, decides. A candidate that was rolled back stays disabled while it is the same variant,
 * by its hash: mended, it may be tried again.
 */
export const overlayOfRollouts = (declared: Route, rollouts: readonly Rollout[]): RouteOverlay | undefined => {
  let overlay: RouteOverlay | undefined
  let weights = weightsOf(declared)
  const { maxConcurrency } = declared.shadow ?? usualShadow
  const disabled = new Set<string>()
  for (const rollout of rollouts) {
    const { candidate, status, plan, step } = rollout
    if (status === 'pending') continue
    if ((status === 'promoted' || status === 'rolled_back') && !sameWeights(rollout.declaredWeights, weightsOf(declared))) continue
    // Whoever starts it again has seen what happened to it.
    if (status !== 'rolled_back') disabled.delete(candidate)
    if (status === 'promoted') weights = new Map([[candidate, 100]])
    else if (status === 'rolled_back') {
      if (rollout.disabled && hashIn(declared, candidate) === rollout.candidateHash) disabled.add(candidate)
    } else {
      const settings = plan.steps[step]
      if (settings === undefined) continue
      const { mode, weightPercent } = settings
      const others = new Map([...weights].filter(([name]) => name !== candidate))
      weights = mode !== 'shadow' && !compares(settings) ? new Map([[candidate, 100]]) : others
      overlay = {
        ...(mode === 'shadow' ? { shadow: { variant: candidate, samplePercent: weightPercent, maxConcurrency } } : {}),
        ...(mode !== 'shadow' && compares(settings)
          ? { trial: { candidate, control: rollout.stable, weightPercent, seed: rollout.id, rescue: plan.rescue } }
          : {}),
      }
    }
    overlay = { ...overlay, weights, disabled }
  }
  return overlay
}

export const weightsOf = (route: Route): Map<string, number> =>
  new Map(route.variants.map(({ name, weightPercent }) => [name, weightPercent]))

/** The variant that most subjects get; of a declaration with an overlay applied, that of now. */
export const heaviest = (route: Route): string =>
  route.variants.reduce((most, one) => (one.weightPercent > most.weightPercent ? one : most)).name

const hashIn = (route: Route, name: string): string | undefined => route.variants.find((variant) => variant.name === name)?.hash

/** Whether the same variants have the same weights; those without any do not matter. */
const sameWeights = (before: { [variant: string]: number }, now: ReadonlyMap<string, number>): boolean => {
  const some = (entries: [string, number][]) => new Map(entries.filter(([, weight]) => weight > 0))
  const [one, two] = [some(Object.entries(before)), some([...now])]
  return one.size === two.size && [...one].every(([name, weight]) => two.get(name) === weight)
}
