import type { NumberMetric } from '../feedback/metric.ts'
import { sequencePValue } from '../lib/stats/confidence-sequence.ts'
import { normalQuantile } from '../lib/stats/distributions.ts'
import type { Count } from '../lib/stats/proportions.ts'
import type { Moments } from '../lib/stats/sample.ts'

/** One variant as it has done so far. `value`: of the metric, one per subject. `failed`: subjects that met a failure, of those answered. */
export type BanditArm = { variant: string; weightPercent: number; value: Moments & { binary: boolean }; failed: Count }

export type BanditPlan = {
  direction: 'increase' | 'decrease'
  /** What every variant keeps, so that it goes on being measured. */
  floorPercent: number
  /** Subjects with a value that every variant needs before weights move. */
  minSubjects: number
  /** Most points that a weight moves at a time. */
  maxStepPercent: number
  /** Risk that a variant which fails no more than the others is taken out, over the whole time. */
  alpha: number
}

/** How the weights of a route follow a metric, as it is declared. */
export type AdaptivePlan = BanditPlan & {
  metric: NumberMetric & { name: string }
  /** Between two moves. */
  everyMs: number
  /** How far back requests count. */
  windowMs: number
  /** Requests that are younger have not had the time to be judged. */
  settleMs: number
}

export type Adaptation = {
  /** By variant; they add up to 100. */
  weights: { [variant: string]: number }
  /** Chance that each variant is the best one, among those that are left. Null while too little is known. */
  chances: { [variant: string]: number } | null
  /** Taken out now, for failing more often than the others together. */
  stopped: { variant: string; reason: string }[]
}

/**
 * Thompson sampling with a guardrail: each variant gets its floor, and a share of the rest by the chance that it is the best one (Thompson
 * 1933; Scott 2010). One that fails more often than the others is taken out whatever its metric says, by a test that holds at every look.
 * Pure: `random` gives numbers in [0, 1).
 */
export const adapt = (arms: readonly BanditArm[], plan: BanditPlan, random: () => number): Adaptation => {
  const live = arms.filter(({ weightPercent }) => weightPercent > 0)
  const stopped = live.length < 2 ? [] : worstOf(live, plan)
  const left = live.filter(({ variant }) => stopped.every((one) => one.variant !== variant))
  const known = left.every(({ value }) => value.n >= Math.max(2, plan.minSubjects))
  const chances = known && left.length > 1 ? bestChances(left, plan, random) : null
  const wanted = chances ? withFloor(left, chances, plan.floorPercent) : shared(left)
  return { weights: { ...zero(arms), ...(stopped.length > 0 ? wanted : stepped(left, wanted, plan.maxStepPercent)) }, chances, stopped }
}

/** The one variant that fails most beyond doubt; taking out one at a time leaves the others something to be compared with. */
const worstOf = (live: readonly BanditArm[], { alpha, minSubjects }: BanditPlan): Adaptation['stopped'] => {
  const found = live.flatMap((arm) => {
    const others = live.filter((one) => one !== arm)
    const rest = others.reduce((sum, { failed }) => ({ successes: sum.successes + failed.successes, trials: sum.trials + failed.trials }), {
      successes: 0,
      trials: 0,
    })
    const { successes, trials } = arm.failed
    if (trials < Math.max(minSubjects, 100) || rest.trials < 100) return []
    const [own, usual] = [successes / trials, rest.successes / rest.trials]
    if (own <= usual) return []
    // One failure more on each side: a variance of zero would make the first failure a proof.
    const variance = (count: Count) => {
      const rate = (count.successes + 1) / (count.trials + 2)
      return (rate * (1 - rate)) / count.trials
    }
    const standardError = Math.sqrt(variance(arm.failed) + variance(rest))
    // The sequence is for pairs of subjects; the smaller side tells how many there are.
    const p = sequencePValue({ difference: own - usual, standardError, n: Math.min(trials, rest.trials), tunedFor: 1_000 }) * live.length
    if (p > alpha) return []
    const percent = (rate: number) => `${(100 * rate).toFixed(1)} %`
    return [
      {
        variant: arm.variant,
        p,
        reason: `fails for ${percent(own)} of its subjects, the others for ${percent(usual)} (p ${p.toPrecision(2)})`,
      },
    ]
  })
  return found.sort((left, right) => left.p - right.p).slice(0, 1)
}

const draws = 4_000

/** How often each is the best when every mean is drawn from what is known of it: normal, with a variance that is never zero. */
const bestChances = (arms: readonly BanditArm[], { direction }: BanditPlan, random: () => number): { [variant: string]: number } => {
  const sign = direction === 'increase' ? 1 : -1
  const known = arms.map(({ variant, value }) => ({ variant, ...spread(value) }))
  const wins = new Map(known.map(({ variant }) => [variant, 0]))
  for (let draw = 0; draw < draws; draw += 1) {
    let best = ''
    let most = Number.NEGATIVE_INFINITY
    for (const { variant, mean, deviation } of known) {
      const value = sign * (mean + deviation * normalQuantile(Math.min(Math.max(random(), 1e-12), 1 - 1e-12)))
      if (value > most) [best, most] = [variant, value]
    }
    wins.set(best, (wins.get(best) ?? 0) + 1)
  }
  return Object.fromEntries([...wins].map(([variant, won]) => [variant, won / draws]))
}

/** Of a share with half a success and half a failure more (Jeffreys), so that 0 of 100 is not certain. */
const spread = ({ n, mean, variance, binary }: BanditArm['value']): { mean: number; deviation: number } => {
  if (!binary) return { mean, deviation: Math.sqrt(Math.max(variance, 1e-12) / n) }
  const rate = (mean * n + 0.5) / (n + 1)
  return { mean: rate, deviation: Math.sqrt((rate * (1 - rate)) / (n + 2)) }
}

const withFloor = (arms: readonly BanditArm[], chances: { [variant: string]: number }, floorPercent: number) => {
  const floor = Math.min(floorPercent, 100 / arms.length)
  return Object.fromEntries(arms.map(({ variant }) => [variant, floor + (100 - floor * arms.length) * (chances[variant] ?? 0)]))
}

/** As they were to one another, adding up to 100 again. */
const shared = (arms: readonly BanditArm[]): { [variant: string]: number } => {
  const total = arms.reduce((sum, { weightPercent }) => sum + weightPercent, 0)
  return Object.fromEntries(arms.map(({ variant, weightPercent }) => [variant, (100 * weightPercent) / total]))
}

/** The same direction, and no weight further than the largest step: subjects move as weights do. */
const stepped = (arms: readonly BanditArm[], wanted: { [variant: string]: number }, maxStepPercent: number) => {
  const now = shared(arms)
  const widest = Math.max(...arms.map(({ variant }) => Math.abs((wanted[variant] ?? 0) - (now[variant] ?? 0))))
  const share = widest <= maxStepPercent ? 1 : maxStepPercent / widest
  return Object.fromEntries(
    arms.map(({ variant }) => [variant, (now[variant] ?? 0) + share * ((wanted[variant] ?? 0) - (now[variant] ?? 0))]),
  )
}

const zero = (arms: readonly BanditArm[]): { [variant: string]: number } => Object.fromEntries(arms.map(({ variant }) => [variant, 0]))
