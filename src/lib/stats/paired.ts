import { studentQuantile, studentTwoSided } from './distributions.ts'
import { seededRandom } from './random.ts'
import { clusteredStandardError, moments } from './sample.ts'

export type PairedDifference = {
  n: number
  mean: number
  standardError: number
  /** 95 %, or what was asked for. */
  low: number
  high: number
  /** Two-sided, of no difference. */
  p: number
}

/**
 * The mean of paired differences with a t interval; with clusters, by cluster-robust errors (Miller 2024, "Adding Error Bars to Evals").
 * Differences that are all alike tell nothing of the cases that were not asked: then the interval is as wide as the rule of three leaves
 * for `n` agreeing pairs whose values have a `range`.
 */
export const pairedDifference = (
  differences: readonly number[],
  { clusters, confidence = 0.95, range = 1 }: { clusters?: readonly string[]; confidence?: number; range?: number } = {},
): PairedDifference => {
  const { n, mean, variance } = moments(differences)
  const groups = clusters === undefined ? n : new Set(clusters).size
  if (groups < 2) return { n, mean, standardError: Number.POSITIVE_INFINITY, low: -range, high: range, p: 1 }
  const standardError = clusters === undefined || groups === n ? Math.sqrt(variance / n) : clusteredStandardError(differences, clusters)
  if (standardError === 0) {
    const unseen = (1 - (1 - confidence) ** (1 / groups)) * range
    return { n, mean, standardError, low: mean - unseen, high: mean + unseen, p: mean === 0 ? 1 : 2 * 0.5 ** groups }
  }
  const half = studentQuantile(confidence, groups - 1) * standardError
  return { n, mean, standardError, low: mean - half, high: mean + half, p: studentTwoSided(Math.abs(mean / standardError), groups - 1) }
}

/** Two-sided p of no difference: how often random signs give a mean as far from zero. Exact up to 14 pairs, else seeded draws. */
export const signFlip = (differences: readonly number[], { seed = 1, draws = 10_000 }: { seed?: number; draws?: number } = {}): number => {
  const values = differences.filter((value) => value !== 0)
  if (values.length === 0) return 1
  const observed = Math.abs(values.reduce((sum, value) => sum + value, 0)) - 1e-12
  if (values.length <= 14) {
    let extreme = 0
    const all = 2 ** values.length
    for (let signs = 0; signs < all; signs += 1) {
      let sum = 0
      for (const [at, value] of values.entries()) sum += (signs >> at) & 1 ? value : -value
      if (Math.abs(sum) >= observed) extreme += 1
    }
    return extreme / all
  }
  const random = seededRandom(seed)
  let extreme = 1
  for (let draw = 0; draw < draws; draw += 1) {
    let sum = 0
    for (const value of values) sum += random() < 0.5 ? value : -value
    if (Math.abs(sum) >= observed) extreme += 1
  }
  return extreme / (draws + 1)
}

/** The smallest true difference that would be found with 80 % power at a two-sided 5 %: 2.80 standard errors. */
export const minimumDetectable = (standardError: number): number => (1.959964 + 0.841621) * standardError
