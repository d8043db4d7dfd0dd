import { chiSquareSurvival } from '../../lib/stats/distributions.ts'
import { leastExpected, occupied } from '../counts.ts'
import { categoricalDetector } from '../guarded.ts'
import { countsPValue } from '../permutation.ts'

/**
 * Pearson's test that both sides share their shares; the reference is a sample too, not the truth. With fewer than 5 expected in a category
 * the p comes from dealing the samples again, so rare and new categories need no pooling.
 */
export const chiSquare = categoricalDetector({ name: 'chi-square', effectFloor: 0.05 }, (counts, { seed }) => {
  const statistic = homogeneity(counts.reference, counts.window)
  const pValue =
    leastExpected(counts) < 5 ? countsPValue(counts, homogeneity, { seed }) : chiSquareSurvival(statistic, occupied(counts) - 1)
  return {
    statistic,
    pValue,
    effect: totalVariation(counts.reference, counts.window),
    effectName: 'share of samples that changed category',
  }
})

/** Pearson's χ² of a table of two rows. */
export const homogeneity = (reference: Float64Array, window: Float64Array): number => {
  const [n, m] = [sum(reference), sum(window)]
  let statistic = 0
  for (let category = 0; category < reference.length; category++) {
    const both = (reference[category] as number) + (window[category] as number)
    if (both === 0) continue
    const expected = [(both * n) / (n + m), (both * m) / (n + m)] as const
    statistic += ((reference[category] as number) - expected[0]) ** 2 / expected[0]
    statistic += ((window[category] as number) - expected[1]) ** 2 / expected[1]
  }
  return statistic
}

/** ½ Σ |p − q|: the least share of samples that must change category to turn one side into the other. */
export const totalVariation = (reference: Float64Array, window: Float64Array): number => {
  const [n, m] = [sum(reference), sum(window)]
  return reference.reduce((distance, count, category) => distance + Math.abs(count / n - (window[category] as number) / m) / 2, 0)
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
