/**
 * Half-width of an asymptotic confidence sequence around a mean with standard error `standardError` after `n` observations in all: it
 * covers the truth at every n at once. Waudby-Smith et al. 2024, tuned to be narrowest near `tunedFor`. Use from about 100 per arm.
 */
export const sequenceHalfWidth = (options: {
  standardError: number
  n: number
  alpha: number
  tunedFor?: number
  sides?: 1 | 2
}): number => {
  const { standardError, n, alpha, tunedFor = 5000, sides = 2 } = options
  const rho = tuning(sides === 1 ? 2 * alpha : alpha, tunedFor)
  const nRho = n * rho * rho + 1
  const logTerm = sides === 1 ? Math.log(1 + Math.sqrt(nRho) / (2 * alpha)) : Math.log(Math.sqrt(nRho) / alpha)
  return standardError * Math.sqrt(n) * Math.sqrt(((2 * nRho) / (n * rho) ** 2) * logTerm)
}

/** Always-valid two-sided p of a difference: the alpha at which the sequence tuned for `tunedFor` at level 0.05 just touches zero. */
export const sequencePValue = (options: { difference: number; standardError: number; n: number; tunedFor?: number }): number => {
  const { difference, standardError, n, tunedFor = 5000 } = options
  const rho = tuning(0.05, tunedFor)
  const nRho = n * rho * rho + 1
  return Math.min(1, Math.sqrt(nRho) * Math.exp(-((difference / standardError) ** 2 * n * rho * rho) / (2 * nRho)))
}

/** ρ that makes the sequence narrowest at `tunedFor` observations. */
const tuning = (level: number, tunedFor: number): number =>
  Math.sqrt((-2 * Math.log(level) + Math.log(-2 * Math.log(level) + 1)) / tunedFor)

/** Likelihood ratio of the mixture sequential test with a N(0, tauSquared) prior on the difference; 1 / Λ is an always-valid p. Johari et al. 2017. */
export const mixtureSprt = (difference: number, standardError: number, tauSquared: number): number => {
  const variance = standardError ** 2
  return Math.sqrt(variance / (variance + tauSquared)) * Math.exp((tauSquared * difference ** 2) / (2 * variance * (variance + tauSquared)))
}
