import type { Route, Shadowing, Variant } from './route.ts'

/**
 * What is in force of a declared route: rollouts change it while the declaration stands. Applied whenever routes are made anew, so a change
 * reaches the next request and no running one.
 */
export type RouteOverlay = {
  /** In place of the declared `weight_percent`s, by name of variant; variants that are not named have none. */
  weights?: ReadonlyMap<string, number> | undefined
  /** Variants that were rolled back: never assigned, and a pin to one is refused. */
  disabled?: ReadonlySet<string> | undefined
  /** In place of the declared one. */
  shadow?: Shadowing | undefined
  trial?: TrialPlan | undefined
}

/** A candidate on `weightPercent`, at most 50, of the subjects, and an equally large share on the control. Names of variants. */
export type TrialPlan = { candidate: string; control: string; weightPercent: number; seed: string; rescue?: boolean | undefined }

/** The overlay of a declared route; undefined when it is in force as declared. */
export type OverlayOf = (declared: Route) => RouteOverlay | undefined

/** The route in force. What names a variant that is no longer declared is left out. */
export const applyOverlay = (declared: Route, overlay: RouteOverlay | undefined): Route => {
  if (overlay === undefined) return declared
  const { weights, disabled = none, shadow = declared.shadow, trial } = overlay
  const [first, ...others] = declared.variants.map((variant) => ({ ...variant, weightPercent: weightOf(variant, weights, disabled) }))
  if (first === undefined) return declared
  const variants: Route['variants'] = [first, ...others]
  const named = (name: string) => variants.find((variant) => variant.name === name && !disabled.has(name))
  const candidate = trial && named(trial.candidate)
  const control = trial && named(trial.control)
  return {
    ...declared,
    variants,
    disabled,
    shadow: shadow && named(shadow.variant) ? shadow : undefined,
    // The control is a variant of its own beside its twin, so that it can have a cache of its own, as cold as the candidate's.
    ...(candidate && control
      ? { trial: { ...trial, candidate, control: { ...control }, weightPercent: Math.min(trial.weightPercent, 50) } }
      : {}),
  }
}

const none: ReadonlySet<string> = new Set()

const weightOf = (variant: Variant, weights: RouteOverlay['weights'], disabled: ReadonlySet<string>): number => {
  if (disabled.has(variant.name)) return 0
  return weights === undefined ? variant.weightPercent : (weights.get(variant.name) ?? 0)
}
