import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/lib/errors.ts'
import { adwin } from '../../src/monitors/streams/adwin.ts'
import { pageHinkley, pageHinkleyOfScores } from '../../src/monitors/streams/page-hinkley.ts'
import type { StreamDetector } from '../../src/monitors/streams/stream.ts'
import { gaussian, lcg, series } from './support.ts'

/** Places where the detector fired; with the same values river 0.26.1 fires at the places expected below. */
const alarms = (detector: StreamDetector, values: readonly number[]): number[] =>
  values.flatMap((value, place) => (detector.add(value) === 'drift' ? [place] : []))

const step = series(1000, (index) => (index < 500 ? index % 2 : 4 + (index % 4)))
const random = lcg(7)
const shifts = series(4000, (index) => random() + ([0, 0.2, -0.3, 0.6][Math.floor(index / 1000)] ?? 0))
const failures = lcg(3)
const errors = series(2000, (index) => (failures() < (index < 1000 ? 0.05 : 0.2) ? 1 : 0))
const defaults = { delta: 0.005, threshold: 50 }

describe('ADWIN', () => {
  test('finds a step at 500 at its next look, 511, or at 504 looking each time', () => {
    expect(alarms(adwin(), step)).toEqual([511])
    expect(alarms(adwin({ clock: 1 }), step)).toEqual([504])
  })

  test('finds what river finds in shifts of uniform values and in a failure rate', () => {
    expect(alarms(adwin(), shifts)).toEqual([1151, 2047, 3039])
    expect(alarms(adwin({ clock: 1 }), shifts)).toEqual([1127, 2028, 3014])
    expect(alarms(adwin(), errors)).toEqual([1119])
    expect(alarms(adwin({ clock: 1, delta: 0.05 }), errors)).toEqual([1029])
  })
})

describe('Page–Hinkley', () => {
  test('finds a step at 500 at 510', () => expect(alarms(pageHinkley(defaults), step)).toEqual([510]))

  test('finds what river finds, both ways or only upward', () => {
    expect(alarms(pageHinkley({ ...defaults, threshold: 20, keep: 1 }), shifts)).toEqual([1119, 2041, 3011])
    expect(alarms(pageHinkley({ ...defaults, threshold: 20, keep: 1, direction: 'up' }), shifts)).toEqual([1119, 3027])
  })

  test('of scores does not depend on the unit', () => {
    const unit = lcg(11)
    const seconds = series(600, (index) => gaussian(unit) + (index < 500 ? 0 : 2))
    const milliseconds = seconds.map((value) => 1000 * value + 300)
    const found = alarms(pageHinkleyOfScores({ mean: 0, variance: 1 }), seconds)
    expect(found).toEqual([510])
    expect(alarms(pageHinkleyOfScores({ mean: 300, variance: 1e6 }), milliseconds)).toEqual(found)
  })

  test('of a constant reference fires at another constant, not at the same', () => {
    const constant = { mean: 3, variance: 0 }
    expect(alarms(pageHinkleyOfScores(constant), Array(500).fill(3))).toEqual([])
    expect(alarms(pageHinkleyOfScores(constant), [...Array(50).fill(3), ...Array(20).fill(4)])).toHaveLength(1)
  })
})

describe.each([
  ['adwin', () => adwin()],
  ['page-hinkley-of-scores', () => pageHinkleyOfScores({ mean: 0, variance: 1 })],
] as const)('%s', (name, create) => {
  test('says that it is warming up, then stable', () => {
    const detector = create()
    expect(detector.name).toBe(name)
    expect(detector.add(0)).toBe('warming-up')
    for (let i = 0; i < 100; i++) detector.add(0)
    expect(detector.add(0)).toBe('stable')
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d, and goes on', (value) => {
    const detector = create()
    expect(() => detector.add(value)).toThrow(AppError)
    expect(detector.add(0)).toBe('warming-up')
  })

  test('is quiet over 5,000 unchanged values, and finds a shift by one deviation within 100', () => {
    let [quiet, found] = [0, 0]
    for (let seed = 1; seed <= 20; seed++) {
      const next = lcg(seed * 7919)
      const values = series(5000, () => gaussian(next))
      const detector = create()
      quiet += alarms(detector, values).length === 0 ? 1 : 0
      found +=
        alarms(
          detector,
          series(100, () => gaussian(next) + 1),
        ).length > 0
          ? 1
          : 0
    }
    expect(quiet).toBeGreaterThanOrEqual(18)
    expect(found).toBe(20)
  })
})
