import { chiSquareSurvival, invert } from '../../lib/stats/distributions.ts'
import { type AlignedCounts, leastExpected, occupied } from '../counts.ts'
import { decileCounts } from '../decile-bins.ts'
import type { Comparison, DetectorOptions } from '../detector.ts'
import { categoricalDetector, numericDetector } from '../guarded.ts'
import { countsPValue } from '../permutation.ts'

/*
 * Population stability index: Σ (p − q) ln(p / q). The customary limit of 0.1 alone fires on half of the unchanged windows of 100; here the
 * index must also be beyond what windows of this size show when nothing changed.
 */

/** Over the reference's deciles. */
export const psi = numericDetector({ name: 'psi', effectFloor: 0.1 }, (reference, window, options) =>
  comparePsi(decileCounts(reference, window), options),
)

export const psiCategories = categoricalDetector({ name: 'psi-categories', effectFloor: 0.1 }, (counts, options) =>
  comparePsi(counts, options),
)

const comparePsi = (counts: AlignedCounts, { seed }: DetectorOptions): Comparison => {
  const index = stabilityIndex(counts.reference, counts.window)
  const pValue =
    leastExpected(counts) < enoughForTheLimit
      ? countsPValue(counts, stabilityIndex, { seed })
      : chiSquareSurvival(index / noise(counts.referenceTotal, counts.windowTotal), occupied(counts) - 1)
  return { statistic: index, pValue, effect: index, effectName: 'population stability index' }
}

/** Below so many expected in a bin the index is larger by chance than its χ² limit says. */
export const enoughForTheLimit = 50

/** Shares of 0, which would make the index infinite, count as this. */
const leastShare = 1e-4

export const stabilityIndex = (reference: Float64Array, window: Float64Array): number => {
  const [referenceTotal, windowTotal] = [sum(reference), sum(window)]
  let index = 0
  for (let bin = 0; bin < reference.length; bin++) {
    if (reference[bin] === 0 && window[bin] === 0) continue
    const p = Math.max(leastShare, (reference[bin] as number) / referenceTotal)
    const q = Math.max(leastShare, (window[bin] as number) / windowTotal)
    index += (p - q) * Math.log(p / q)
  }
  return index
}

/** The index that unchanged data of these sizes passes with chance `alpha`: (1/n + 1/m) χ². Yurdakul 2018. */
export const stabilityLimit = (bins: number, reference: number, window: number, alpha = 0.05): number => {
  const degrees = bins - 1
  return noise(reference, window) * invert((x) => 1 - chiSquareSurvival(x, degrees), 1 - alpha, 0, degrees + 60 * Math.sqrt(2 * degrees))
}

export const noise = (reference: number, window: number): number => 1 / reference + 1 / window

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
