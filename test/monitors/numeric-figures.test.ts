import { describe, expect, test } from 'vitest'
import { chiSquareSurvival } from '../../src/lib/stats/distributions.ts'
import { srmPValue } from '../../src/lib/stats/srm.ts'
import { decileCounts } from '../../src/monitors/decile-bins.ts'
import { homogeneity, totalVariation } from '../../src/monitors/detectors/chi-square.ts'
import { shannonDistance } from '../../src/monitors/detectors/jensen-shannon.ts'
import { kolmogorovSmirnov, kolmogorovSurvival } from '../../src/monitors/detectors/ks.ts'
import { rankSum } from '../../src/monitors/detectors/mann-whitney.ts'
import { stabilityIndex, stabilityLimit } from '../../src/monitors/detectors/psi.ts'
import { twoProportion } from '../../src/monitors/detectors/two-proportion.ts'
import { wasserstein, wassersteinDistance } from '../../src/monitors/detectors/wasserstein.ts'
import { lcg, series } from './support.ts'

/** The same samples went through scipy 1.17.1. */
const next = lcg(12_345)
const reference = series(200, next)
const window = series(150, () => next() ** 1.2 + 0.02)
const eighths = (values: readonly number[]) => values.map((value) => Math.floor(Math.min(value, 0.999) * 8))
const counts = (...values: number[]) => Float64Array.from(values)

describe('Kolmogorov–Smirnov', () => {
  test('exact p of D = 5/8 in 8 against 8', () => {
    const found = kolmogorovSmirnov([1, 2, 3, 4, 5, 6, 7, 8], [5.5, 6.5, 7.5, 8.5, 9, 10, 11, 12])
    expect(found.statistic).toBe(0.625)
    expect(found.pValue).toBeCloseTo(0.0870241, 7)
  })

  test('the limit series of the same', () => expect(kolmogorovSurvival(0.625 * 2)).toBeCloseTo(0.08787, 5))

  test('exact p of 200 against 150, as scipy', () => {
    const found = kolmogorovSmirnov(reference, window)
    expect(found.statistic).toBeCloseTo(0.075, 12)
    expect(found.pValue).toBeCloseTo(0.6958505190860202, 11)
  })

  test('p of tied values is that of their permutations, not the twice as large one of values without ties', () => {
    const found = kolmogorovSmirnov(eighths(reference).slice(0, 40), eighths(window).slice(0, 30))
    expect(found.statistic).toBeCloseTo(1 / 6, 12)
    // 100,000 permutations in numpy: 0.43426, standard error 0.0016. scipy's exact p knows no ties: 0.677.
    expect(Math.abs((found.pValue ?? 1) - 0.43426)).toBeLessThan(0.005)
  })

  test('large samples, where the limit series takes over, join the exact ones', () => {
    const shifted = (size: number) => [series(size, (i) => i / size), series(size, (i) => i / size + 0.03)] as const
    const exact = kolmogorovSmirnov(...shifted(2000))
    expect(Math.abs((exact.pValue ?? 0) - kolmogorovSurvival(Math.sqrt(1000) * exact.statistic))).toBeLessThan(0.015)
    expect(kolmogorovSmirnov(...shifted(2100)).pValue).toBeLessThan(exact.pValue ?? 0)
  })
})

describe('Mann–Whitney', () => {
  test('U and p, as scipy', () => {
    const found = rankSum(reference, window)
    expect(found.statistic).toBe(15_400)
    expect(found.pValue).toBeCloseTo(0.6697620163187272, 10)
  })

  test('of tied values, as scipy', () => {
    const found = rankSum(eighths(reference), eighths(window))
    expect(found.statistic).toBe(15_480.5)
    expect(found.pValue).toBeCloseTo(0.6054874863315511, 10)
  })

  test("Evidently's categories: half of the two-sided p is their .481", () => {
    const spread = (sizes: number[]) => sizes.flatMap((size, value) => series(size, () => value))
    const found = rankSum(spread([16, 18, 16, 14, 12, 12]), spread([16, 16, 16, 16, 16, 8]))
    expect((found.pValue ?? 0) / 2).toBeCloseTo(0.4814330305987495, 10)
  })
})

describe('Wasserstein', () => {
  test('distance and its share of the standard deviation, as scipy', () => {
    expect(wassersteinDistance(reference, window)).toBeCloseTo(0.026370821376978736, 12)
    const found = wasserstein.compare(reference, window)
    expect(found).toMatchObject({ outcome: 'compared', drifted: false })
    if (found.outcome === 'compared') expect(found.effect).toBeCloseTo(0.026370821376978736 / 0.28300932310895327, 12)
  })

  test('of tied values, as scipy', () =>
    expect(wassersteinDistance(eighths(reference), eighths(window))).toBeCloseTo(0.22333333333333347, 12))

  test('of shifted values is the shift, whatever the sizes', () =>
    expect(wassersteinDistance([0, 1, 2, 3], [5, 5, 6, 6, 7, 7, 8, 8])).toBeCloseTo(5, 12))
})

describe('distances of shares', () => {
  const before = counts(50, 30, 15, 5)
  const now = counts(35, 30, 20, 15)

  test('PSI', () => expect(stabilityIndex(before, now)).toBeCloseTo(0.1777466, 7))
  test('a bin that one side never saw counts as 1e-4', () =>
    expect(stabilityIndex(counts(1, 1), counts(2, 0))).toBeCloseTo(0.5 * Math.log(2) + 0.4999 * Math.log(5000), 12))
  test('limit of PSI under no change: 10 bins, 1,000 against 200', () => expect(stabilityLimit(10, 1000, 200)).toBeCloseTo(0.1015139, 7))
  test('Jensen–Shannon in nats and in bits', () => {
    expect(shannonDistance(before, now)).toBeCloseTo(0.1467156, 7)
    expect(shannonDistance(before, now) / Math.sqrt(Math.LN2)).toBeCloseTo(0.1762234, 7)
  })
  test('χ² of homogeneity, as scipy', () => {
    expect(homogeneity(before, now)).toBeCloseTo(8.361344537815127, 12)
    expect(chiSquareSurvival(homogeneity(before, now), 3)).toBeCloseTo(0.0391052859514717, 10)
    expect(totalVariation(before, now)).toBeCloseTo(0.15, 12)
  })
  test("goodness of fit of Evidently's counts", () =>
    expect(srmPValue([16, 16, 16, 16, 16, 8], [16, 18, 16, 14, 12, 12])).toBeCloseTo(0.67309, 5))
  test('two proportions: 16 of 400 against 30 of 2,000', () => {
    const side = (failed: number, all: number) => new Map(Object.entries({ failed, ok: all - failed }))
    const found = twoProportion.compare(side(30, 2000), side(16, 400))
    expect(found).toMatchObject({ outcome: 'compared', drifted: true })
    if (found.outcome === 'compared') expect(found.statistic).toBeCloseTo(3.3289592, 7)
  })
})

describe('deciles of the reference', () => {
  test('hold a tenth each', () => expect([...decileCounts(series(100, Number), [3, 200, -7]).reference]).toEqual(Array(10).fill(10)))

  test('tell a constant from what is below and above', () => {
    const { reference: constant, window: around } = decileCounts(Array(50).fill(2), [1, 2, 2, 3, 3, 3])
    expect([...constant]).toEqual([0, 50, 0])
    expect([...around]).toEqual([1, 2, 3])
  })
})
