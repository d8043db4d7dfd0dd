import { describe, expect, test } from 'vitest'
import { benjaminiHochberg } from '../../../src/lib/stats/benjamini-hochberg.ts'
import { mixtureSprt, sequencePValue } from '../../../src/lib/stats/confidence-sequence.ts'
import { chiSquareSurvival, normalCdf, normalQuantile, studentTwoSided } from '../../../src/lib/stats/distributions.ts'
import { eventPValue, observeEvent, startEventEProcess } from '../../../src/lib/stats/e-process.ts'
import { chanceToBeat, clopperPearson, fisherExact, mcnemarExact, twoProportionZ, wilson } from '../../../src/lib/stats/proportions.ts'
import { seededRandom } from '../../../src/lib/stats/random.ts'
import { clusteredStandardError, cupedTheta, moments, quantile, welch } from '../../../src/lib/stats/sample.ts'
import { logGamma } from '../../../src/lib/stats/special.ts'
import { sequentialSrm, srmPValue } from '../../../src/lib/stats/srm.ts'

/** Published or independently computed (scipy, GrowthBook) figures; the digits are theirs. */
describe('reference figures', () => {
  test('special functions and distributions', () => {
    expect(logGamma(0.5)).toBeCloseTo(0.572_364_942_924_700_1, 13)
    expect(logGamma(101)).toBeCloseTo(363.739_375_555_563_5, 10)
    expect(normalCdf(1.959_963_984_540_054)).toBeCloseTo(0.975, 13)
    expect(normalQuantile(0.975)).toBeCloseTo(1.959_963_984_540_054, 12)
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361_340_902_404_056, 9)
    expect(chiSquareSurvival(3.841_458_820_694_124, 1)).toBeCloseTo(0.05, 11)
    expect(studentTwoSided(2.228_138_851_964_939, 10)).toBeCloseTo(0.05, 10)
  })

  test('event e-process over failures 0,1,1,0,1,1 at weight .1', () => {
    const path: number[] = []
    let process = startEventEProcess()
    for (const canary of [false, true, true, false, true, true]) {
      process = observeEvent(process, { canary, weight: 0.1 })
      path.push(process.e)
    }
    const expected = [0.730082, 2.152147, 8.2796921, 4.9636424, 20.6870746, 98.7510397]
    for (const [index, e] of expected.entries()) expect(path[index]).toBeCloseTo(e, 5)
    expect(eventPValue(process)).toBeCloseTo(1 / 98.7510397, 8)
  })

  test('Wilson and Clopper–Pearson intervals', () => {
    const { low, high } = wilson({ successes: 45, trials: 50 })
    expect(low).toBeCloseTo(0.7863977, 7)
    expect(high).toBeCloseTo(0.9565242, 7)
    expect(wilson({ successes: 0, trials: 30 }).high).toBeCloseTo(0.1135134, 7)
    expect(clopperPearson({ successes: 0, trials: 30 }).high).toBeCloseTo(0.1157033, 7)
  })

  test('McNemar exact', () => {
    expect(mcnemarExact(2, 10)).toBeCloseTo(0.0385742, 7)
    expect(mcnemarExact(0, 6)).toBeCloseTo(0.03125, 10)
    expect(mcnemarExact(0, 0)).toBe(1)
  })

  test('canary 16/400 against control 30/2000', () => {
    const canary = { successes: 16, trials: 400 }
    const control = { successes: 30, trials: 2000 }
    expect(twoProportionZ(canary, control).z).toBeCloseTo(3.3289592, 6)
    expect(fisherExact(canary, control, 'greater')).toBeCloseTo(0.0020226, 7)
    expect(chanceToBeat(control, canary)).toBeCloseTo(0.9990938, 7)
    const difference = 0.04 - 0.015
    const standardError = Math.sqrt((0.04 * 0.96) / 400 + (0.015 * 0.985) / 2000)
    expect(mixtureSprt(difference, standardError, 1e-4)).toBeCloseTo(3.1513114, 6)
    expect(sequencePValue({ difference, standardError, n: 2400 })).toBeCloseTo(0.2001192, 6)
  })

  test('sample ratio mismatch, fixed and sequential', () => {
    expect(srmPValue([5000, 5100], [1, 1])).toBeCloseTo(0.3197182, 7)
    expect(srmPValue([9180, 820], [90, 10])).toBeCloseTo(1.97e-9, 11)
    expect(srmPValue([500, 520, 610], [1, 1, 1])).toBeCloseTo(0.0018017, 7)
    expect(sequentialSrm([5000, 5400], [1, 1], 100)).toBeCloseTo(198.7727, 3)
  })

  test('Benjamini–Hochberg keeps order and never exceeds one', () => {
    expect(benjaminiHochberg([0.01, 0.04, 0.03, 0.005])).toEqual([0.02, 0.04, 0.04, 0.02])
    expect(benjaminiHochberg([0.9, 1])).toEqual([1, 1])
  })

  test('sample statistics', () => {
    expect(moments([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ n: 8, mean: 5, variance: 32 / 7 })
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5)
    const { p } = welch(moments([3, 4, 1, 2.1]), moments([4.9, 5.5, 4.2, 4.7]))
    expect(p).toBeGreaterThan(0)
    expect(cupedTheta([1, 2, 3, 4], [2, 4, 6, 8])).toBeCloseTo(2, 12)
    expect(clusteredStandardError([1, 0, 1, 0], ['a', 'b', 'c', 'd'])).toBeCloseTo(0.25, 12)
  })
})

describe('false alarms, seed 20261122', () => {
  test('the event e-process at equal rates crosses 20 in at most 5 % of runs however often one looks', () => {
    const random = seededRandom(20_261_122)
    let alarms = 0
    const runs = 2000
    for (let run = 0; run < runs; run++) {
      let process = startEventEProcess()
      for (let event = 0; event < 300 && process.e < 20; event++) process = observeEvent(process, { canary: random() < 0.1, weight: 0.1 })
      if (process.maxE >= 20) alarms++
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.05)
    expect(alarms).toBeGreaterThan(0)
  })

  test('a mixture SPRT ratio is one when nothing differs and grows with the difference', () => {
    expect(mixtureSprt(0, 0.01, 1e-4)).toBeLessThan(1)
    expect(mixtureSprt(0.05, 0.01, 1e-4)).toBeGreaterThan(20)
    expect(sequencePValue({ difference: 0, standardError: 0.01, n: 1000 })).toBe(1)
  })
})
