import { describe, expect, test } from 'vitest'
import { correct } from '../../src/monitors/correct.ts'
import { type Finding, judge } from '../../src/monitors/detector.ts'

const finding = (pValue: number | null, effect = 1): Finding =>
  judge({ name: 'ks', effectFloor: 0.1 }, { statistic: 1, pValue, effect, effectName: 'gap' })
const short: Finding = { outcome: 'not-enough-data', reason: 'the window holds 3 samples of at least 30' }
const alarms = (findings: readonly Finding[], alpha?: number) =>
  correct(findings, alpha).map((verdict) => (verdict.outcome === 'compared' ? verdict.alarm : null))

describe('correction over signals', () => {
  test('one of twenty at 0.04 is a fluke; at 0.001 it is an alarm', () => {
    const quiet = Array.from({ length: 19 }, () => finding(0.5))
    expect(alarms([...quiet, finding(0.04)])).toEqual(Array(20).fill(false))
    expect(alarms([...quiet, finding(0.001)]).at(-1)).toBe(true)
  })

  test('keeps the order, the finding and the adjusted p', () => {
    const verdicts = correct([finding(0.02), short, finding(0.01), finding(0.6)])
    expect(verdicts).toMatchObject([{ adjustedPValue: 0.03, alarm: true }, short, { adjustedPValue: 0.03, pValue: 0.01 }, { alarm: false }])
  })

  test('a signal without data neither counts among the signals nor passes', () => {
    expect(alarms([finding(0.04), short, short, short])).toEqual([true, null, null, null])
  })

  test('no alarm below the effect floor, however significant', () => expect(alarms([finding(1e-9, 0.05)])).toEqual([false]))

  test('a detector without a p is judged by its effect, uncorrected', () => {
    expect(alarms([finding(null), finding(null, 0.05), finding(0.04), finding(0.6)])).toEqual([true, false, false, false])
  })

  test('a stricter level of the correction holds', () => expect(alarms([finding(0.02)], 0.01)).toEqual([false]))

  test('nothing of nothing', () => expect(correct([])).toEqual([]))
})
