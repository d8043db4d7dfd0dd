import { sequenceHalfWidth } from '../lib/stats/confidence-sequence.ts'
import type { EventEProcess } from '../lib/stats/e-process.ts'
import type { Moments } from '../lib/stats/sample.ts'
import { sequentialSrm } from '../lib/stats/srm.ts'
import { fewest } from './effect.ts'
import type { PlannedMetric, RolloutPlan } from './plan.ts'

export type ByArm<T> = { candidate: T; control: T }

/** What has been seen of both arms since the rollout began. Answers from a cache are in no figure. */
export type RolloutEvidence = {
  /** Subjects of the step that is under way, and of all steps that dealt live subjects to the two arms. */
  subjects: { step: ByArm<number>; dealt: ByArm<number> }
  /** Failure-like events, at most one per subject: `failures`, and guardrails of bad events. `counts`: of subjects that had one. */
  events: readonly { name: string; process: EventEProcess; counts: ByArm<number>; kinds?: Readonly<Record<string, ByArm<number>>> }[]
  /** Over one value per subject; of bad events, the share of subjects that had one. */
  means: readonly ({ name: string } & ByArm<Moments>)[]
}

/** What one check says. `worse` is shown; so is `no_worse`. */
export type Finding = {
  name: string
  role: PlannedMetric['role']
  verdict: 'worse' | 'no_worse' | 'undecided' | 'no_data'
  text: string
  /** Of bad events. */
  eValue?: number
  /** How much worse the candidate is at least and at most, in the metric's unit; positive is worse. */
  harm?: { low: number; estimate: number; high: number }
}

/** The name under which a broken split is found, held and accepted. */
export const splitCheck = 'split'

/** Every check of a plan against the evidence. Guardrails share the risk, and so do signals. Pure. */
export const assess = (plan: RolloutPlan, evidence: RolloutEvidence): Finding[] => {
  const failures: PlannedMetric = {
    name: 'failures',
    role: 'guardrail',
    kind: 'events',
    direction: 'decrease',
    scale: 'absolute',
    margin: plan.failureMargin,
  }
  const checks = [failures, ...plan.metrics]
  const alphaOf = (role: PlannedMetric['role']) => plan.alpha / Math.max(1, checks.filter((check) => check.role === role).length)
  return [splitFinding(evidence), ...checks.map((check) => find(check, evidence, alphaOf(check.role)))]
}

/** Enrolled subjects are halved by a hash. A split that is not even is a fault of assignment or recording, and no difference can be trusted. */
const splitFinding = ({ subjects }: RolloutEvidence): Finding => {
  const { candidate, control } = subjects.dealt
  const base = { name: splitCheck, role: 'signal' } as const
  if (candidate + control === 0) return { ...base, verdict: 'no_data', text: 'no subject was dealt to an arm yet' }
  const factor = sequentialSrm([candidate, control], [1, 1])
  const counts = `${candidate} subjects against ${control}`
  return factor >= 1000
    ? { ...base, verdict: 'worse', text: `${counts} is no even split (Bayes factor ${digits(factor)}): assignment or recording is broken` }
    : { ...base, verdict: 'no_worse', text: `${counts} fits an even split` }
}

const find = (check: PlannedMetric, evidence: RolloutEvidence, alpha: number): Finding => {
  const { name, role } = check
  const base = { name, role }
  const moments = evidence.means.find((one) => one.name === name)
  const bound = moments && harmOf(check, moments, alpha)
  if (check.kind === 'events') {
    const seen = evidence.events.find((one) => one.name === name)
    if (seen && seen.process.maxE >= 1 / alpha) {
      const { candidate, control } = seen.counts
      const text = `e-value ${digits(seen.process.maxE)} of ${digits(1 / alpha)} needed: ${candidate} subjects of the candidate had one, ${control} of those it is compared with`
      return { ...base, verdict: 'worse', text, eValue: seen.process.maxE, ...(bound ? { harm: bound.harm } : {}) }
    }
    const e = seen ? { eValue: seen.process.maxE } : {}
    return { ...base, ...noWorse(check, moments, bound), ...e, ...(bound ? { harm: bound.harm } : {}) }
  }
  if (bound && bound.harm.low > bound.margin) {
    const allowed = check.margin === null ? '' : `, ${shown(check, bound.margin)} is allowed`
    const text = `worse by at least ${shown(check, bound.harm.low)}${allowed} (${means(check, moments)})`
    return { ...base, verdict: 'worse', text, harm: bound.harm }
  }
  return { ...base, ...noWorse(check, moments, bound), ...(bound ? { harm: bound.harm } : {}) }
}

type Bound = { harm: NonNullable<Finding['harm']>; margin: number }

/** Being no worse has to be shown when a margin is given: an interval that reaches past it is no success. */
const noWorse = (
  check: PlannedMetric,
  moments: ByArm<Moments> | undefined,
  bound: Bound | undefined,
): Pick<Finding, 'verdict' | 'text'> => {
  if (moments === undefined || moments.candidate.n === 0 || moments.control.n === 0) return { verdict: 'no_data', text: 'nothing was seen' }
  if (bound === undefined) {
    const { candidate, control } = moments
    return { verdict: 'undecided', text: `${candidate.n} and ${control.n} subjects have a value; each arm needs ${fewest}` }
  }
  if (check.margin === null) return { verdict: 'no_worse', text: `no harm is shown (${means(check, moments)})` }
  const most = `at most ${shown(check, bound.harm.high)} worse, ${shown(check, bound.margin)} is allowed (${means(check, moments)})`
  return bound.harm.high < bound.margin ? { verdict: 'no_worse', text: most } : { verdict: 'undecided', text: `maybe worse: ${most}` }
}

/** One-sided bounds on how much worse the candidate is, that hold at every look. Undefined below 100 subjects in an arm. */
const harmOf = (check: PlannedMetric, { candidate, control }: ByArm<Moments>, alpha: number): Bound | undefined => {
  if (candidate.n < fewest || control.n < fewest) return undefined
  const sign = check.kind === 'events' || check.direction === 'decrease' ? 1 : -1
  const standardError = Math.sqrt(varianceOfMean(check, candidate) + varianceOfMean(check, control))
  const half = sequenceHalfWidth({ standardError, n: candidate.n + control.n, alpha, tunedFor: 2000, sides: 1 })
  const estimate = sign * (candidate.mean - control.mean)
  return { harm: { low: estimate - half, estimate, high: estimate + half }, margin: marginOf(check, control) }
}

/** Rare events have to be seen to have a variance: half an event is added to each arm. */
const varianceOfMean = ({ kind }: PlannedMetric, { n, mean, variance }: Moments): number => {
  if (kind !== 'events') return variance / n
  const share = (mean * n + 0.5) / (n + 1)
  return (share * (1 - share)) / n
}

const marginOf = ({ scale, margin }: PlannedMetric, control: Moments): number => {
  if (margin === null) return 0
  if (scale === 'log') return Math.log1p(margin)
  return scale === 'relative' ? margin * Math.abs(control.mean) : margin
}

const shown = ({ scale, kind }: PlannedMetric, value: number): string => {
  if (scale === 'log') return `${digits(Math.expm1(value) * 100)} %`
  return kind === 'events' ? `${digits(value * 100)} points` : digits(value)
}

const means = (check: PlannedMetric, moments: ByArm<Moments> | undefined): string => {
  if (moments === undefined) return 'no means'
  const of = ({ mean }: Moments) =>
    check.scale === 'log' ? `${digits(Math.exp(mean))} ms` : check.kind === 'events' ? `${digits(mean * 100)} %` : digits(mean)
  return `candidate ${of(moments.candidate)}, control ${of(moments.control)}`
}

const digits = (value: number): string => String(Number(value.toPrecision(3)))
