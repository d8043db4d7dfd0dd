import { studentTwoSided } from './distributions.ts'

/** Count, mean and unbiased variance; combines without the data. Chan et al. 1979. */
export type Moments = { n: number; mean: number; variance: number }

export const moments = (values: readonly number[]): Moments => {
  let n = 0
  let mean = 0
  let squares = 0
  for (const value of values) {
    n++
    const delta = value - mean
    mean += delta / n
    squares += delta * (value - mean)
  }
  return { n, mean, variance: n > 1 ? squares / (n - 1) : 0 }
}

/** Value below which a share `q` of the sorted values lies, linear between neighbours (Hyndman & Fan type 7). */
export const quantile = (sorted: readonly number[], q: number): number => {
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

/** Difference of means (second − first) with its standard error and two-sided p. Welch 1947. */
export const welch = (first: Moments, second: Moments): { difference: number; standardError: number; degrees: number; p: number } => {
  const one = first.variance / first.n
  const two = second.variance / second.n
  const difference = second.mean - first.mean
  const standardError = Math.sqrt(one + two)
  const degrees = (one + two) ** 2 / (one ** 2 / (first.n - 1) + two ** 2 / (second.n - 1))
  return { difference, standardError, degrees, p: standardError === 0 ? 1 : studentTwoSided(difference / standardError, degrees) }
}

/** θ of CUPED: how much of a metric the pre-period explains; subtract θ (pre − mean pre). Deng et al. 2013. */
export const cupedTheta = (pre: readonly number[], post: readonly number[]): number => {
  const preMean = moments(pre).mean
  const postMean = moments(post).mean
  let covariance = 0
  let variance = 0
  pre.forEach((value, index) => {
    covariance += (value - preMean) * ((post[index] ?? 0) - postMean)
    variance += (value - preMean) ** 2
  })
  return variance === 0 ? 0 : covariance / variance
}

/** Standard error of a mean whose observations come in clusters. Miller 2024, "Adding Error Bars to Evals". */
export const clusteredStandardError = (values: readonly number[], clusters: readonly string[]): number => {
  const { mean } = moments(values)
  const sums = new Map<string, number>()
  values.forEach((value, index) => {
    const cluster = clusters[index] ?? ''
    sums.set(cluster, (sums.get(cluster) ?? 0) + value - mean)
  })
  return Math.sqrt([...sums.values()].reduce((total, sum) => total + sum ** 2, 0)) / values.length
}
