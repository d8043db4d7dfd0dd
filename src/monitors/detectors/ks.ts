import type { Comparison } from '../detector.ts'
import { numericDetector } from '../guarded.ts'

/** Two-sample Kolmogorov–Smirnov: the largest gap between the distribution functions. Sees any change, shifts in the middle best. */
export const ks = numericDetector({ name: 'ks', effectFloor: 0.1 }, (reference, window) => kolmogorovSmirnov(reference, window))

/** Largest product of the sizes for which the exact p is counted, some 20 ms. Above it the limit says at most 0.01 too much, near p = 0.3. */
const exactUpTo = 4_000_000

export const kolmogorovSmirnov = (first: readonly number[], second: readonly number[]): Comparison => {
  const { gap, ends } = largestGap(Float64Array.from(first).sort(), Float64Array.from(second).sort())
  const [n, m] = [first.length, second.length]
  const statistic = gap / (n * m)
  const pValue = n * m <= exactUpTo ? exactPValue(gap, ends, n, m) : kolmogorovSurvival(Math.sqrt((n * m) / (n + m)) * statistic)
  return { statistic, pValue, effect: statistic, effectName: 'largest gap of the distribution functions' }
}

/** n·m·D, a whole number, and for each place of the merged sample whether a run of equal values ends there. */
const largestGap = (first: Float64Array, second: Float64Array): { gap: number; ends: Uint8Array } => {
  const [n, m] = [first.length, second.length]
  const ends = new Uint8Array(n + m + 1)
  let gap = 0
  for (let i = 0, j = 0; i < n || j < m; ) {
    const value = Math.min(first[i] ?? Number.POSITIVE_INFINITY, second[j] ?? Number.POSITIVE_INFINITY)
    while (i < n && first[i] === value) i++
    while (j < m && second[j] === value) j++
    ends[i + j] = 1
    gap = Math.max(gap, Math.abs(i * m - j * n))
  }
  return { gap, ends }
}

/**
 * Chance of a gap this large when the merged sample is dealt to the two sides at random, given its ties. Counts lattice paths that leave
 * the band, looking only where a run of equal values ends: without ties Hodges 1958, with them Schröer & Trenkler 1995.
 */
const exactPValue = (gap: number, ends: Uint8Array, n: number, m: number): number => {
  if (gap === 0) return 1
  const left = new Float64Array(m + 1)
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const place = i + j
      if (ends[place] && Math.abs(i * m - j * n) >= gap) left[j] = 1
      else if (place === 0) left[j] = 0
      else left[j] = ((left[j] ?? 0) * i + (j > 0 ? (left[j - 1] ?? 0) : 0) * j) / place
    }
  }
  return left[m] ?? 1
}

/** Q(λ) = 2 Σ (−1)^(k−1) exp(−2 k² λ²): the limit of √(nm/(n+m)) D. Kolmogorov 1933. */
export const kolmogorovSurvival = (lambda: number): number => {
  // Below, the series converges too slowly and the chance is 1 to 12 digits.
  if (lambda < 0.2) return 1
  let sum = 0
  for (let k = 1; k <= 100; k++) {
    const term = 2 * (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * lambda * lambda)
    sum += term
    if (Math.abs(term) < 1e-17) break
  }
  return Math.min(1, Math.max(0, sum))
}
