import { AppError } from '../../lib/errors.ts'
import { fisherExact, twoProportionZ } from '../../lib/stats/proportions.ts'
import { leastExpected } from '../counts.ts'
import { categoricalDetector } from '../guarded.ts'

/**
 * Whether a rate moved, such as that of errors or refusals: counts of two categories. z with the pooled rate; Fisher's exact p with fewer
 * than 5 expected in a cell. More than two categories throw `invalid_request`.
 */
export const twoProportion = categoricalDetector({ name: 'two-proportion', effectFloor: 0.01 }, (counts) => {
  const { categories, reference, window, referenceTotal, windowTotal } = counts
  if (categories.length > 2) throw new AppError('invalid_request', `a rate has two categories, not ${categories.length}`)
  const before = { successes: reference[0] ?? 0, trials: referenceTotal }
  const now = { successes: window[0] ?? 0, trials: windowTotal }
  const { z, p } = twoProportionZ(now, before)
  return {
    statistic: z,
    pValue: leastExpected(counts) < 5 ? fisherExact(now, before, 'two-sided') : p,
    effect: Math.abs(now.successes / now.trials - before.successes / before.trials),
    effectName: 'difference of the rates',
  }
})
