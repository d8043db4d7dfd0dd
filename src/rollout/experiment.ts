import { benjaminiHochberg } from '../lib/stats/benjamini-hochberg.ts'
import { adjustForPast, type PrePeriod } from '../lib/stats/cuped.ts'
import { studentQuantile } from '../lib/stats/distributions.ts'
import { type Interval, wilson } from '../lib/stats/proportions.ts'
import type { Moments } from '../lib/stats/sample.ts'
import { sequentialSrm, srmPValue } from '../lib/stats/srm.ts'
import { compare, type Effect } from './effect.ts'
import { judge, type Verdict } from './verdict.ts'

/** One variant of an experiment. `values`: of a metric, one per subject that has one. */
export type Arm = {
  variant: string
  weightPercent: number
  subjects: number
  values: Moments & { binary: boolean; pre: PrePeriod | null }
}

/** How an experiment is read; settled before it starts. */
export type ReadingPlan = {
  control: string
  /** Which way is better. */
  direction: 'increase' | 'decrease'
  /** Risk of calling a difference that is not there. */
  alpha: number
  /** Subjects at which it is read, once. Absent: it may be read at any time. */
  horizonSubjects?: number | undefined
  /** Shares that the traffic did not get make every difference doubtful. */
  split: Split | null
}

export type ArmReading = {
  variant: string
  /** Subjects with a value, and those without one. */
  n: number
  silent: number
  /** Null without a value. */
  mean: number | null
  interval: Interval | null
  /** Against the control; null for the control itself. */
  effect: (Effect & { adjustedP: number | null }) | null
  verdict: Verdict | null
}

export type MetricReading = {
  /** Whether the verdicts rest on one look at the horizon, or hold at any time. */
  basis: 'fixed_horizon' | 'always_valid'
  /** θ of CUPED; null without values from before. */
  theta: number | null
  arms: ArmReading[]
}

/** Reads one metric of an experiment: each variant against the control, corrected for how many there are. Pure. */
export const readMetric = (given: readonly Arm[], plan: ReadingPlan): MetricReading => {
  const { theta, arms } = withoutPast(given)
  const subjects = arms.reduce((sum, arm) => sum + arm.subjects, 0)
  const basis = plan.horizonSubjects !== undefined && subjects >= plan.horizonSubjects ? 'fixed_horizon' : 'always_valid'
  const control = arms.find((arm) => arm.variant === plan.control)
  if (control === undefined) throw new Error(`no arm is named ${plan.control}`)

  const others = arms.filter((arm) => arm !== control)
  const effects = others.map((arm) => compare(control.values, arm.values, { alpha: plan.alpha, tunedFor: plan.horizonSubjects }))
  const deciding = effects.map((effect) => (basis === 'fixed_horizon' ? effect?.p : effect?.alwaysValid?.p) ?? null)
  const adjusted = adjust(deciding)

  return {
    basis,
    theta,
    arms: arms.map((arm) => {
      const place = others.indexOf(arm)
      const effect = effects[place] ?? null
      const adjustedP = adjusted[place] ?? null
      return {
        variant: arm.variant,
        n: arm.values.n,
        silent: arm.subjects - arm.values.n,
        ...summary(arm.values, plan.alpha),
        effect: effect && { ...effect, adjustedP },
        verdict: arm === control ? null : judge({ arm, control, effect, adjustedP, basis, plan, subjects }),
      }
    }),
  }
}

/** Only the p-values that exist take part. */
const adjust = (pValues: readonly (number | null)[]): (number | null)[] => {
  const adjusted = benjaminiHochberg(pValues.filter((p) => p !== null))
  return pValues.map((p) => (p === null ? null : (adjusted.shift() ?? null)))
}

const withoutPast = (arms: readonly Arm[]): { theta: number | null; arms: readonly Arm[] } => {
  const paired = arms.flatMap(({ values }) => (values.pre && values.n > 1 ? [{ ...values, pre: values.pre }] : []))
  if (paired.length < arms.length) return { theta: null, arms }
  const { theta, arms: adjusted } = adjustForPast(paired)
  return {
    theta,
    arms: arms.map((arm, index) => ({ ...arm, values: { ...arm.values, ...adjusted[index], binary: arm.values.binary && theta === 0 } })),
  }
}

const summary = ({ n, mean, variance, binary }: Arm['values'], alpha: number): Pick<ArmReading, 'mean' | 'interval'> => {
  if (n === 0) return { mean: null, interval: null }
  if (binary) return { mean, interval: wilson({ successes: Math.round(mean * n), trials: n }, 1 - alpha) }
  if (n < 2 || variance === 0) return { mean, interval: null }
  const half = studentQuantile(1 - alpha, n - 1) * Math.sqrt(variance / n)
  return { mean, interval: { low: mean - half, high: mean + half } }
}

/** Whether subjects were dealt as the weights say. `p` for one look; `bayesFactor`, 1,000 or more being a mismatch, for any number. */
export type Split = { p: number; bayesFactor: number; mismatch: boolean }

/** Null when fewer than two variants have a weight, or there is nobody yet. */
export const readSplit = (arms: readonly { subjects: number; weightPercent: number }[]): Split | null => {
  const dealt = arms.filter((arm) => arm.weightPercent > 0)
  const counts = dealt.map((arm) => arm.subjects)
  const weights = dealt.map((arm) => arm.weightPercent)
  if (dealt.length < 2 || counts.every((count) => count === 0)) return null
  const p = srmPValue(counts, weights)
  return { p, bayesFactor: sequentialSrm(counts, weights), mismatch: p < 0.001 }
}
