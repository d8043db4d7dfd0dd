import { chiSquareSurvival } from './distributions.ts'
import { logGamma } from './special.ts'

/** Sample ratio mismatch: p that arms of these `weights` got these `counts`. Fewer than 0.001 means the assignment is broken. Fabijan et al. 2019. */
export const srmPValue = (counts: readonly number[], weights: readonly number[]): number => {
  const total = sum(counts)
  const weight = sum(weights)
  const statistic = counts.reduce((chi, observed, arm) => {
    const expected = (total * (weights[arm] ?? 0)) / weight
    return chi + (observed - expected) ** 2 / expected
  }, 0)
  return chiSquareSurvival(statistic, counts.length - 1)
}

/** Bayes factor against the declared weights, valid at every look; 1000 or more is a mismatch. Lindon & Malek 2022, Dirichlet with `concentration`. */
export const sequentialSrm = (counts: readonly number[], weights: readonly number[], concentration = 100): number => {
  const weight = sum(weights)
  const shares = weights.map((value) => value / weight)
  const total = sum(counts)
  let log = logGamma(concentration) - logGamma(concentration + total)
  counts.forEach((count, arm) => {
    const share = shares[arm] ?? 0
    log += logGamma(concentration * share + count) - logGamma(concentration * share) - count * Math.log(share)
  })
  return Math.exp(log)
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
