import { describe, expect, test } from 'vitest'
import { adjustForPast } from '../../../src/lib/stats/cuped.ts'
import { studentQuantile } from '../../../src/lib/stats/distributions.ts'
import { newcombe } from '../../../src/lib/stats/proportions.ts'
import { seededRandom } from '../../../src/lib/stats/random.ts'
import { cupedTheta, moments } from '../../../src/lib/stats/sample.ts'

describe('figures of experiments', () => {
  test.each([
    [3, 3.182_446_305_283_708],
    [10.5, 2.213_840_292_918_789],
    [200, 1.971_896_223_633_909],
  ])("Student's t at 95 %% with %d degrees, as scipy", (degrees, t) => {
    expect(studentQuantile(0.95, degrees)).toBeCloseTo(t, 9)
  })

  test.each([
    [0, 10, 0, 20, -0.277_532_799_862_889_3, 0.161_125_158_052_819_4],
    [3, 10, 9, 12, 0.035_705_667_442_761_6, 0.700_766_790_195_525_5],
    [56, 70, 48, 80, -0.333_872_654_036_906_1, -0.052_431_472_402_364_98],
  ])("Newcombe's interval of %d/%d and %d/%d, as statsmodels", (a, n, b, m, low, high) => {
    const interval = newcombe({ successes: a, trials: n }, { successes: b, trials: m })
    expect(interval.low).toBeCloseTo(low, 9)
    expect(interval.high).toBeCloseTo(high, 9)
  })

  test('CUPED from moments is CUPED from the data, and narrows', () => {
    const random = seededRandom(7)
    const arm = (shift: number, size: number) =>
      Array.from({ length: size }, () => {
        const past = random() * 10
        return { past, value: 2 * past + random() + shift }
      })
    const arms = [arm(0, 300), arm(0.2, 200)]
    const paired = arms.map((subjects) => {
      const past = subjects.map((subject) => subject.past)
      const values = subjects.map((subject) => subject.value)
      const [x, y] = [moments(past), moments(values)]
      const covariance = past.reduce((sum, value, index) => sum + (value - x.mean) * (values[index]! - y.mean), 0) / (past.length - 1)
      return { ...y, pre: { mean: x.mean, variance: x.variance, covariance } }
    })
    const adjusted = adjustForPast(paired)

    const all = arms.flat()
    const past = all.map((subject) => subject.past)
    const theta = cupedTheta(
      past,
      all.map((subject) => subject.value),
    )
    expect(adjusted.theta).toBeCloseTo(theta, 10)
    arms.forEach((subjects, index) => {
      const expected = moments(subjects.map((subject) => subject.value - theta * (subject.past - moments(past).mean)))
      expect(adjusted.arms[index]!.mean).toBeCloseTo(expected.mean, 10)
      expect(adjusted.arms[index]!.variance).toBeCloseTo(expected.variance, 8)
      expect(adjusted.arms[index]!.variance).toBeLessThan(paired[index]!.variance / 100)
    })
  })
})
