import { describe, expect, test } from 'vitest'
import { kolmogorovSmirnov, kolmogorovSurvival } from '../../src/monitors/detectors/ks.ts'

describe('Kolmogorov–Smirnov', () => {
  test('exact p of D = 5/8 in 8 against 8', () => {
    const found = kolmogorovSmirnov([1, 2, 3, 4, 5, 6, 7, 8], [5.5, 6.5, 7.5, 8.5, 9, 10, 11, 12])
    expect(found.statistic).toBe(0.625)
    expect(found.pValue).toBeCloseTo(0.0870241, 7)
  })

  test('the limit series', () => expect(kolmogorovSurvival(0.625 * 2)).toBeCloseTo(0.08787, 5))
})
