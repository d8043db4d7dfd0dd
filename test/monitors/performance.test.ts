import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/lib/errors.ts'
import { calibrationError } from '../../src/lib/stats/calibration-error.ts'
import { brier, rocAuc } from '../../src/lib/stats/classification.ts'
import { isotonic, isotonicCalibration } from '../../src/lib/stats/isotonic.ts'
import { estimatePerformance, expectedPerformance, type LabelledScore, performanceFinding } from '../../src/monitors/cbpe.ts'
import { lcg, series } from './support.ts'

/** The same scores and labels went through scikit-learn 1.9.1. */
const next = lcg(12_345)
series(350, next)
const scores = series(50, next)
const labelled: LabelledScore[] = scores.map((score) => ({ score, positive: next() < score ** 1.3 }))

describe('isotonic regression', () => {
  test('pools what falls', () => expect(isotonic([0, 1, 0, 0, 1, 1, 1])).toEqual([0, 1 / 3, 1 / 3, 1 / 3, 1, 1, 1]))

  test('gives the chances that scikit-learn gives', () => {
    const chance = isotonicCalibration(labelled)
    const expected = [0, 0.2, 0.25, 0.42857142857142855, 0.6428571428571429, 0.8, 1]
    ;[0.05, 0.2, 0.4, 0.55, 0.7, 0.9, 0.99].forEach((score, place) => {
      expect(chance(score)).toBeCloseTo(expected[place] ?? 0, 12)
    })
  })
})

test('area, Brier score and calibration error, as scikit-learn and numpy', () => {
  expect(rocAuc(labelled)).toBeCloseTo(0.8292282430213465, 12)
  const forecasts = labelled.map(({ score, positive }) => ({
    truth: positive ? 'yes' : 'no',
    probabilities: { yes: score, no: 1 - score },
  }))
  expect(brier(['yes', 'no'], forecasts)).toBeCloseTo(0.17207331322378733, 12)
  expect(calibrationError(labelled)).toBeCloseTo(0.11713969147298485, 12)
})

test('calibration error over bins of equal count', () => {
  const cases = [0.1, 0.1, 0.2, 0.6].map((score, place) => ({ score, positive: place > 1 }))
  expect(calibrationError(cases, { bins: 2, equal: 'count' })).toBeCloseTo((0.2 + 1.2) / 4, 12)
})

describe('performance without labels', () => {
  test('figures expected of eight chances', () => {
    const found = expectedPerformance([0.9, 0.8, 0.3, 0.55, 0.1, 0.65, 0.95, 0.2])
    expect(found.accuracy).toBeCloseTo(0.78125, 12)
    expect(found.precision).toBeCloseTo(0.77, 12)
    expect(found.recall).toBeCloseTo(0.8651685, 7)
    expect(found.f1).toBeCloseTo(0.8148148, 7)
    expect(found.auc).toBeCloseTo(0.8497389, 7)
  })

  /** Chances are honest, or twice too timid; the window's cases are as clear as the reference's, or harder. */
  const sample = (seed: number, size: number, { hard = false, timid = false } = {}): LabelledScore[] => {
    const random = lcg(seed)
    return series(size, () => {
      const spread = hard ? 0.15 : 0.45
      const chance = 0.5 + spread * (2 * random() - 1)
      return { score: timid ? 0.25 + chance / 2 : chance, positive: random() < chance }
    })
  }
  const accuracyOf = (cases: readonly LabelledScore[]) =>
    cases.filter(({ score, positive }) => score >= 0.5 === positive).length / cases.length
  const estimated = (reference: readonly LabelledScore[], window: readonly LabelledScore[]) => {
    const found = estimatePerformance(
      reference,
      window.map(({ score }) => score),
    )
    if (found.outcome !== 'estimated') throw new Error(found.reason)
    return found
  }

  test.each([false, true])('is what the labels say, also of chances that need a correction: %s', (timid) => {
    const reference = sample(5, 2000, { timid })
    for (const hard of [false, true]) {
      const window = sample(hard ? 6 : 7, 2000, { hard, timid })
      const found = estimated(reference, window)
      expect(Math.abs(found.estimate.accuracy - accuracyOf(window))).toBeLessThan(0.03)
      expect(found.recalibrated || !timid).toBe(true)
      expect(performanceFinding(found, 'accuracy')).toMatchObject({ outcome: 'compared', detector: 'cbpe', drifted: hard })
      expect(performanceFinding(found, 'auc')).toMatchObject({ drifted: hard })
    }
  })

  test('raises few false alarms', () => {
    const reference = sample(8, 1000)
    const alarms = series(60, (run) => performanceFinding(estimated(reference, sample(100 + run, 200)), 'accuracy', { effectFloor: 0 }))
    expect(alarms.filter((finding) => finding.outcome === 'compared' && finding.drifted).length).toBeLessThanOrEqual(8)
  })

  test('is not estimated out of nothing, of one class, or of scores that are no chances', () => {
    const reference = sample(9, 100)
    expect(estimatePerformance(reference, [])).toMatchObject({ outcome: 'not-enough-data' })
    expect(estimatePerformance([], [0.5])).toMatchObject({ outcome: 'not-enough-data' })
    const positive = reference.map(({ score }) => ({ score, positive: true }))
    expect(estimatePerformance(positive, Array(50).fill(0.5))).toEqual({
      outcome: 'not-enough-data',
      reason: 'all labels of the reference are positive',
    })
    for (const bad of [Number.NaN, -0.1, 1.1]) expect(() => estimatePerformance(reference, Array(50).fill(bad))).toThrow(AppError)
  })
})
