import { betaQuantile, binomialCdf, hypergeometricPmf, normalCdf, normalQuantile } from './distributions.ts'
import { logGamma } from './special.ts'

export type Interval = { low: number; high: number }
export type Count = { successes: number; trials: number }

/** Score interval of a proportion. Wilson 1927. */
export const wilson = ({ successes, trials }: Count, confidence = 0.95): Interval => {
  const z = normalQuantile(1 - (1 - confidence) / 2)
  const rate = successes / trials
  const scale = 1 + (z * z) / trials
  const centre = (rate + (z * z) / (2 * trials)) / scale
  const half = (z / scale) * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials))
  return { low: successes === 0 ? 0 : centre - half, high: successes === trials ? 1 : centre + half }
}

/** Exact interval of a proportion; never covers less than it says. Clopper & Pearson 1934. */
export const clopperPearson = ({ successes, trials }: Count, confidence = 0.95): Interval => {
  const tail = (1 - confidence) / 2
  return {
    low: successes === 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1),
    high: successes === trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes),
  }
}

/** z and two-sided p of two independent proportions, pooled standard error. Positive z: the first is larger. */
export const twoProportionZ = (first: Count, second: Count): { z: number; p: number } => {
  const pooled = (first.successes + second.successes) / (first.trials + second.trials)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / first.trials + 1 / second.trials))
  if (error === 0) return { z: 0, p: 1 }
  const z = (first.successes / first.trials - second.successes / second.trials) / error
  return { z, p: 2 * (1 - normalCdf(Math.abs(z))) }
}

/** Interval of the difference second − first of two proportions, from their score intervals: sound at 0 and 1 too. Newcombe 1998, method 10. */
export const newcombe = (first: Count, second: Count, confidence = 0.95): Interval => {
  const one = { rate: first.successes / first.trials, ...wilson(first, confidence) }
  const two = { rate: second.successes / second.trials, ...wilson(second, confidence) }
  const difference = two.rate - one.rate
  return {
    low: difference - Math.hypot(two.rate - two.low, one.high - one.rate),
    high: difference + Math.hypot(two.high - two.rate, one.rate - one.low),
  }
}

/** Fisher's exact p. `greater`: that the first rate is no larger; `two-sided`: sums the tables no likelier than the one seen. */
export const fisherExact = (first: Count, second: Count, alternative: 'greater' | 'two-sided'): number => {
  const population = first.trials + second.trials
  const marked = first.successes + second.successes
  const least = Math.max(0, marked - second.trials)
  const most = Math.min(marked, first.trials)
  const pmf = (k: number) => hypergeometricPmf(k, population, marked, first.trials)
  const seen = pmf(first.successes) * (1 + 1e-7)
  let p = 0
  for (let k = least; k <= most; k++) {
    if (alternative === 'greater' ? k >= first.successes : pmf(k) <= seen) p += pmf(k)
  }
  return Math.min(1, p)
}

/** Exact two-sided p of paired yes/no outcomes from the two kinds of disagreement. McNemar 1947, binomial form. */
export const mcnemarExact = (onlyFirst: number, onlySecond: number): number => {
  const disagreements = onlyFirst + onlySecond
  if (disagreements === 0) return 1
  return Math.min(1, 2 * binomialCdf(Math.min(onlyFirst, onlySecond), disagreements, 0.5))
}

/** P(second rate > first rate) under uniform priors: the exact sum over the second posterior's shape. For display, never for stopping. */
export const chanceToBeat = (first: Count, second: Count): number => {
  const a = first.successes + 1
  const b = first.trials - first.successes + 1
  const c = second.successes + 1
  const d = second.trials - second.successes + 1
  let chance = 0
  for (let i = 0; i < c; i++) {
    chance += Math.exp(logBeta(a + i, b + d) - Math.log(d + i) - logBeta(1 + i, d) - logBeta(a, b))
  }
  return chance
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)
