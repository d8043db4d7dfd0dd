import { chiSquareSurvival } from '../../lib/stats/distributions.ts'
import { type AlignedCounts, leastExpected, occupied } from '../counts.ts'
import { decileCounts } from '../decile-bins.ts'
import type { Comparison, DetectorOptions } from '../detector.ts'
import { categoricalDetector, numericDetector } from '../guarded.ts'
import { countsPValue } from '../permutation.ts'
import { enoughForTheLimit, noise } from './psi.ts'

/*
 * Jensen–Shannon distance, √(½ KL(p|m) + ½ KL(q|m)) in nats with m the mean of the two, at most √ln 2: bounded and symmetric, so that it
 * can be compared between signals. Eight times its square is (1/n + 1/m) χ² when nothing changed.
 */

/** Over the reference's deciles. */
export const jensenShannon = numericDetector({ name: 'jensen-shannon', effectFloor: 0.1 }, (reference, window, options) =>
  compareShannon(decileCounts(reference, window), options),
)

export const jensenShannonCategories = categoricalDetector({ name: 'jensen-shannon-categories', effectFloor: 0.1 }, (counts, options) =>
  compareShannon(counts, options),
)

const compareShannon = (counts: AlignedCounts, { seed }: DetectorOptions): Comparison => {
  const distance = shannonDistance(counts.reference, counts.window)
  const pValue =
    leastExpected(counts) < enoughForTheLimit
      ? countsPValue(counts, shannonDistance, { seed })
      : chiSquareSurvival((8 * distance ** 2) / noise(counts.referenceTotal, counts.windowTotal), occupied(counts) - 1)
  return { statistic: distance, pValue, effect: distance, effectName: 'Jensen–Shannon distance' }
}

export const shannonDistance = (reference: Float64Array, window: Float64Array): number => {
  const [referenceTotal, windowTotal] = [sum(reference), sum(window)]
  let divergence = 0
  for (let bin = 0; bin < reference.length; bin++) {
    const p = (reference[bin] as number) / referenceTotal
    const q = (window[bin] as number) / windowTotal
    const middle = (p + q) / 2
    if (p > 0) divergence += 0.5 * p * Math.log(p / middle)
    if (q > 0) divergence += 0.5 * q * Math.log(q / middle)
  }
  return Math.sqrt(Math.max(0, divergence))
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
