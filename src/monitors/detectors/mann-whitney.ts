import { gammaQ } from '../../lib/stats/special.ts'
import type { Comparison } from '../detector.ts'
import { numericDetector } from '../guarded.ts'

/** Whether values of the window tend to be larger or smaller. Deaf to outliers, and to a change of spread alone. */
export const mannWhitney = numericDetector({ name: 'mann-whitney', effectFloor: 0.1 }, (reference, window) => rankSum(reference, window))

/**
 * U of the first sample, its normal p with corrections for ties and continuity, and the rank-biserial correlation: by how much more often a
 * value of one side beats one of the other. Mann & Whitney 1947.
 */
export const rankSum = (first: readonly number[], second: readonly number[]): Comparison => {
  const [n, m] = [first.length, second.length]
  const pool = n + m
  const [one, two] = [Float64Array.from(first).sort(), Float64Array.from(second).sort()]
  let ranks = 0
  let ties = 0
  for (let i = 0, j = 0; i < n || j < m; ) {
    const value = Math.min(one[i] ?? Number.POSITIVE_INFINITY, two[j] ?? Number.POSITIVE_INFINITY)
    const start = i + j
    const from = i
    while (i < n && one[i] === value) i++
    while (j < m && two[j] === value) j++
    const tied = i + j - start
    ranks += (i - from) * (start + (tied + 1) / 2)
    ties += tied ** 3 - tied
  }
  const u = ranks - (n * (n + 1)) / 2
  const distance = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5)
  const deviation = Math.sqrt(((n * m) / 12) * (pool + 1 - ties / (pool * (pool - 1))))
  return {
    statistic: u,
    pValue: distance === 0 ? 1 : gammaQ(0.5, (distance / deviation) ** 2 / 2),
    effect: Math.abs((2 * u) / (n * m) - 1),
    effectName: 'rank-biserial correlation',
  }
}
