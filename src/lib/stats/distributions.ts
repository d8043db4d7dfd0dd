import { betaI, gammaP, gammaQ, logChoose } from './special.ts'

/** P(Z ≤ z) of the standard normal. */
export const normalCdf = (z: number): number => (z < 0 ? 0.5 * gammaQ(0.5, (z * z) / 2) : 0.5 + 0.5 * gammaP(0.5, (z * z) / 2))

/** z with P(Z ≤ z) = p, for 0 < p < 1: a rational start (Abramowitz & Stegun 26.2.23) polished by two Halley steps. */
export const normalQuantile = (p: number): number => {
  const polish = (z: number) => {
    const step = (normalCdf(z) - p) * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2)
    return z - step / (1 + (z * step) / 2)
  }
  return polish(polish(p < 0.5 ? -upperTail(p) : upperTail(1 - p)))
}

/** Upper-tail quantile to 4.5e-4. */
const upperTail = (tail: number): number => {
  const t = Math.sqrt(-2 * Math.log(tail))
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
}

/** P(X ≥ x) of a chi-square with `degrees` of freedom. */
export const chiSquareSurvival = (x: number, degrees: number): number => gammaQ(degrees / 2, x / 2)

/** P(|T| ≥ |t|) of Student's t with `degrees` of freedom. */
export const studentTwoSided = (t: number, degrees: number): number => betaI(degrees / (degrees + t * t), degrees / 2, 0.5)

/** t with P(|T| ≤ t) = `confidence` of Student's t with `degrees` of freedom. */
export const studentQuantile = (confidence: number, degrees: number): number => {
  let high = 2
  while (1 - studentTwoSided(high, degrees) < confidence) high *= 2
  return invert((t) => 1 - studentTwoSided(t, degrees), confidence, 0, high)
}

/** P(X ≤ k) of a binomial. */
export const binomialCdf = (k: number, n: number, p: number): number => (k < 0 ? 0 : k >= n ? 1 : 1 - betaI(p, k + 1, n - k))

/** P(X = k) of a hypergeometric: `k` marked among `draws` from `population` of which `marked` are marked. */
export const hypergeometricPmf = (k: number, population: number, marked: number, draws: number): number =>
  Math.exp(logChoose(marked, k) + logChoose(population - marked, draws - k) - logChoose(population, draws))

/** x with `cdf(x) = p`, by bisection over [low, high]; `cdf` must not decrease. */
export const invert = (cdf: (x: number) => number, p: number, low: number, high: number): number => {
  let from = low
  let to = high
  for (let i = 0; i < 200 && to - from > Number.EPSILON * Math.max(1, Math.abs(from)); i++) {
    const middle = (from + to) / 2
    if (cdf(middle) < p) from = middle
    else to = middle
  }
  return (from + to) / 2
}

/** x with P(B ≤ x) = p of a Beta(a, b). */
export const betaQuantile = (p: number, a: number, b: number): number => invert((x) => betaI(x, a, b), p, 0, 1)
