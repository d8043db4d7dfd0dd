import { deal, unitHash } from './assign.ts'
import type { Arm, Route, Variant } from './route.ts'
import { type Facts, unmet } from './rules.ts'

export type Explanation = {
  subject: string
  /** In order; `because` is null for a rule that holds. Every rule is told, though the first that holds decides. */
  rules: { name: string; variant: string; holds: boolean; because: string | null }[]
  /** The hashes of the subject in (0, 1), and what they mean while a trial runs. */
  trial: { enrolment: number; enrolledBelow: number; arm: Arm | null } | null
  /** Time that each variant drew at the rate of its weight: the earliest wins. Null for one without weight. */
  weights: { variant: string; weightPercent: number; arrival: number | null }[]
  chosen: { variant: string; arm: Arm | null; because: string }
}

/** Why a request gets the variant that it gets: the same decisions as for a request that is answered, each with its reason. */
export const explainRoute = async (route: Route, subject: string, facts: Facts): Promise<Explanation> => {
  const rules: Explanation['rules'] = []
  for (const { name, variant, when } of route.rules ?? []) {
    const because = variantOf(route, variant) === undefined ? `'${variant}' was rolled back` : ((await unmet(when, facts)) ?? null)
    rules.push({ name, variant, holds: because === null, because })
  }
  const { trial } = route
  const dealt = deal(route, subject)
  const ruled = rules.find(({ holds }) => holds)
  return {
    subject,
    rules,
    trial: trial
      ? { enrolment: unitHash(trial.seed, 'enrolment', subject), enrolledBelow: trial.weightPercent / 50, arm: dealt.arm }
      : null,
    weights: route.variants.map(({ name, weightPercent }) => ({
      variant: name,
      weightPercent,
      arrival: weightPercent > 0 ? -Math.log(unitHash(route.seed, name, subject)) / weightPercent : null,
    })),
    chosen: ruled
      ? { variant: ruled.variant, arm: null, because: `the rule '${ruled.name}' holds` }
      : {
          variant: dealt.variant.name,
          arm: dealt.arm,
          because: dealt.arm ? `the subject is on the ${dealt.arm}'s side of a trial` : `its time by weight is the earliest`,
        },
  }
}

const variantOf = (route: Route, name: string): Variant | undefined =>
  route.variants.find((variant) => variant.name === name && !route.disabled?.has(name))
