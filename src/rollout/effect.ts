import { sequenceHalfWidth, sequencePValue } from '../lib/stats/confidence-sequence.ts'
import { normalQuantile, studentQuantile } from '../lib/stats/distributions.ts'
import { type Interval, newcombe, twoProportionZ } from '../lib/stats/proportions.ts'
import { type Moments, welch } from '../lib/stats/sample.ts'

/** A variant's mean less the control's. */
export type Effect = {
  test: 'two_proportion_z' | 'welch'
  difference: number
  /** For one look at a horizon settled before; null when the values do not vary. */
  interval: Interval | null
  p: number
  /** The difference as a share of the control's mean, which must not be 0. */
  lift: { value: number; interval: Interval | null; alwaysValidInterval: Interval | null } | null
  /** Holds at every look; null below 100 subjects in an arm. */
  alwaysValid: { interval: Interval; p: number } | null
  /** The smallest difference that a look at this many subjects would find four times in five. */
  minimumDetectable: number | null
}

export type Sample = Moments & { binary: boolean }

/** Null when an arm has fewer than two values. Proportions by Newcombe's interval and the pooled z, other means by Welch's t. */
export const compare = (
  control: Sample,
  arm: Sample,
  { alpha, tunedFor }: { alpha: number; tunedFor?: number | undefined },
): Effect | null => {
  if (control.n < 2 || arm.n < 2) return null
  const { difference, standardError, degrees, p } = welch(control, arm)
  const binary = control.binary && arm.binary
  const varies = standardError > 0
  const always = varies && control.n >= fewest && arm.n >= fewest
  const n = control.n + arm.n
  const tuned = tunedFor === undefined ? {} : { tunedFor }
  const half = always ? sequenceHalfWidth({ standardError, n, alpha, ...tuned }) : 0
  const quantile = varies ? (binary ? normalQuantile(1 - alpha / 2) : studentQuantile(1 - alpha, degrees)) : 0
  return {
    ...(binary
      ? {
          test: 'two_proportion_z',
          interval: newcombe(count(control), count(arm), 1 - alpha),
          p: twoProportionZ(count(arm), count(control)).p,
        }
      : { test: 'welch', interval: varies ? around(difference, quantile * standardError) : null, p }),
    difference,
    lift: control.mean === 0 ? null : liftOf(control, arm, { quantile, sequence: half / standardError }),
    alwaysValid: always ? { interval: around(difference, half), p: sequencePValue({ difference, standardError, n, ...tuned }) } : null,
    minimumDetectable: varies ? (normalQuantile(1 - alpha / 2) + normalQuantile(0.8)) * standardError : null,
  }
}

/** Below it the asymptotics of the confidence sequence do not hold. */
export const fewest = 100

/** Relative lift with its interval by the delta method; widths are in standard errors. */
const liftOf = (
  control: Sample,
  arm: Sample,
  { quantile, sequence }: { quantile: number; sequence: number },
): NonNullable<Effect['lift']> => {
  const base = control.mean
  const standardError = Math.sqrt(arm.variance / arm.n / base ** 2 + (control.variance / control.n) * (arm.mean ** 2 / base ** 4))
  const value = (arm.mean - base) / Math.abs(base)
  return {
    value,
    interval: quantile > 0 ? around(value, quantile * standardError) : null,
    alwaysValidInterval: sequence > 0 ? around(value, sequence * standardError) : null,
  }
}

const count = ({ n, mean }: Sample) => ({ successes: Math.round(mean * n), trials: n })
const around = (centre: number, half: number): Interval => ({ low: centre - half, high: centre + half })
