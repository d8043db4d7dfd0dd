import { type Effect, fewest } from './effect.ts'
import type { Arm, ReadingPlan } from './experiment.ts'

/** What may be concluded of a variant, and the same in words. Only `better` is a reason to promote. */
export type Verdict = { kind: VerdictKind; text: string }

export type VerdictKind = 'no_data' | 'too_few' | 'split_mismatch' | 'better' | 'worse' | 'no_difference_shown'

export type Evidence = {
  arm: Arm
  control: Arm
  effect: Effect | null
  adjustedP: number | null
  basis: 'fixed_horizon' | 'always_valid'
  plan: ReadingPlan
  /** In the whole experiment. */
  subjects: number
}

/** No data is never success, and neither is a difference between arms that were not dealt as declared. */
export const judge = (evidence: Evidence): Verdict => {
  const { arm, control, effect, adjustedP, basis, plan } = evidence
  const silent = [arm, control].find(({ values }) => values.n === 0)
  if (silent) return { kind: 'no_data', text: `No subject of ${silent.variant} has a value. Nothing can be concluded.` }
  if (effect === null || adjustedP === null) return { kind: 'too_few', text: `${tooFew(evidence)} Nothing can be concluded yet.` }
  if (plan.split?.mismatch) {
    return {
      kind: 'split_mismatch',
      text: `Subjects were not dealt as the weights say (p = ${digits(plan.split.p)}): assignment or recording is broken, and no difference can be trusted.`,
    }
  }
  const interval = (basis === 'fixed_horizon' ? effect.interval : effect.alwaysValid?.interval) ?? null
  const show = (value: number) => shown(value, effect.test === 'two_proportion_z')
  const range = interval ? ` (${percent(1 - plan.alpha)} interval ${show(interval.low)} to ${show(interval.high)})` : ''
  if (adjustedP > plan.alpha || effect.difference === 0) {
    const power =
      effect.minimumDetectable === null ? '' : ` One look at this many subjects finds ${show(effect.minimumDetectable)} four times in five.`
    return { kind: 'no_difference_shown', text: `No difference from ${control.variant} is shown${range}.${power}${patience(evidence)}` }
  }
  const better = effect.difference > 0 === (plan.direction === 'increase')
  const word = effect.difference > 0 ? 'higher' : 'lower'
  return {
    kind: better ? 'better' : 'worse',
    text: `${better ? 'Better' : 'Worse'} than ${control.variant}: ${show(Math.abs(effect.difference))} ${word}${range}, p = ${digits(adjustedP)}.`,
  }
}

const tooFew = ({ arm, control, effect, basis }: Evidence): string => {
  const fewer = arm.values.n <= control.values.n ? arm : control
  if (effect !== null && fewer.values.n >= fewest) return 'The values of both arms do not vary.'
  const needed = basis === 'always_valid' ? fewest : 2
  return `${fewer.variant} has ${fewer.values.n} ${fewer.values.n === 1 ? 'subject' : 'subjects'} with a value; ${needed} are needed.`
}

const patience = ({ basis, plan, subjects }: Evidence): string =>
  basis === 'always_valid' && plan.horizonSubjects !== undefined
    ? ` The horizon is ${plan.horizonSubjects} subjects; ${subjects} are in.`
    : ''

/** Differences of shares in percentage points. */
const shown = (value: number, share: boolean): string => (share ? `${(value * 100).toFixed(2)} points` : digits(value))

const digits = (value: number): string => String(Number(value.toPrecision(3)))
const percent = (share: number): string => `${digits(share * 100)} %`
