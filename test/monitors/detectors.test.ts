import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/lib/errors.ts'
import { binomialCdf } from '../../src/lib/stats/distributions.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import type { Compared, Detector, DetectorOptions, Finding } from '../../src/monitors/detector.ts'
import { detectorOf, detectors } from '../../src/monitors/detectors/index.ts'
import { countsOf, gaussian, series } from './support.ts'

/** One body over every detector: windows are made by kind, and everything else is the same promise. */
type Case = {
  unchanged(random: () => number, size: number): unknown
  changed(random: () => number, size: number): unknown
  empty: unknown
  constant: unknown
  otherConstant: unknown
  /** Each must throw `invalid_request`. */
  broken: Record<string, unknown>
}

const vector = (random: () => number, shift = 0) => Float32Array.from({ length: 8 }, () => gaussian(random) + shift)
const numeric: Case = {
  unchanged: (random, size) => series(size, () => Math.exp(gaussian(random))),
  changed: (random, size) => series(size, () => Math.exp(gaussian(random) + 1)),
  empty: [],
  constant: Array(60).fill(4),
  otherConstant: Array(60).fill(5),
  broken: { NaN: [...Array(60).fill(1), Number.NaN], infinity: [...Array(60).fill(1), Number.POSITIVE_INFINITY] },
}
const draw = (random: () => number, shares: readonly number[]) => {
  const at = random()
  let sum = 0
  return shares.findIndex((share) => {
    sum += share
    return at < sum
  })
}
const categorical: Case = {
  unchanged: (random, size) => countsOf(series(size, () => `category ${draw(random, [0.4, 0.3, 0.15, 0.1, 0.04, 0.01])}`)),
  changed: (random, size) => countsOf(series(size, () => `category ${draw(random, [0.2, 0.2, 0.15, 0.1, 0.04, 0.01, 0.3])}`)),
  empty: new Map(),
  constant: new Map([['only', 60]]),
  otherConstant: new Map([['another', 60]]),
  broken: {
    NaN: new Map([['a', Number.NaN]]),
    'a negative count': new Map([['a', -60]]),
    'half a count': new Map([['a', 60.5]]),
  },
}
const rate: Case = {
  ...categorical,
  unchanged: (random, size) => countsOf(series(size, () => (random() < 0.05 ? 'failed' : 'ok'))),
  changed: (random, size) => countsOf(series(size, () => (random() < 0.3 ? 'failed' : 'ok'))),
  broken: { ...categorical.broken, 'three categories': new Map(Object.entries({ a: 30, b: 30, c: 30 })) },
}
const vectors: Case = {
  unchanged: (random, size) => series(size, () => vector(random)),
  changed: (random, size) => series(size, () => vector(random, 1)),
  empty: [],
  constant: series(60, () => Float32Array.of(1, 0, 0)),
  otherConstant: series(60, () => Float32Array.of(0, 1, 0)),
  broken: {
    NaN: series(60, () => Float32Array.of(1, Number.NaN, 0)),
    'vectors of two lengths': series(60, (index) => new Float32Array(index === 59 ? 4 : 3)),
    'vectors of no length': series(60, () => new Float32Array(0)),
  },
}
const caseOf = ({ name, kind }: Detector): Case =>
  name === 'two-proportion' ? rate : kind === 'numeric' ? numeric : kind === 'categorical' ? categorical : vectors

describe.each(detectors.map((detector) => [detector.name, detector] as const))('%s', (name, detector) => {
  const { unchanged, changed, empty, constant, otherConstant, broken } = caseOf(detector)
  const compare = (reference: unknown, window: unknown, options?: DetectorOptions): Finding =>
    detector.compare(reference as never, window as never, options)
  const compared = (reference: unknown, window: unknown, options?: DetectorOptions): Compared => {
    const finding = compare(reference, window, options)
    if (finding.outcome !== 'compared') throw new Error(finding.reason)
    return finding
  }

  test('is found by its name', () => expect(detectorOf(name)).toBe(detector))

  test('finds what changed, and says so in finite numbers', () => {
    const random = seededRandom(7)
    const finding = compared(unchanged(random, 400), changed(random, 200))
    expect(finding).toMatchObject({ detector: name, drifted: true })
    expect([finding.statistic, finding.effect, finding.pValue ?? 0].filter((value) => !Number.isFinite(value))).toEqual([])
    expect(finding.pValue ?? 0).toBeGreaterThanOrEqual(0)
    expect(finding.effectName).not.toBe('')
  })

  test('does not call a significant change drift below the effect floor', () => {
    const random = seededRandom(7)
    const sides = [unchanged(random, 400), changed(random, 200)] as const
    const { effect } = compared(...sides)
    expect(compared(...sides, { effectFloor: effect * 1.01 }).drifted).toBe(false)
    expect(compared(...sides, { effectFloor: effect * 0.99 }).drifted).toBe(true)
  })

  test('says the same of the same data', () => {
    const random = seededRandom(8)
    const sides = [unchanged(random, 200), unchanged(random, 100)] as const
    expect(compare(...sides, { seed: 3 })).toEqual(compare(...sides, { seed: 3 }))
  })

  test('does not compare with nothing, nor with too little', () => {
    const some = unchanged(seededRandom(9), 60)
    const few = unchanged(seededRandom(9), 10)
    for (const sides of [
      [empty, some],
      [some, empty],
      [empty, empty],
      [few, some],
      [some, few],
    ] as const) {
      expect(compare(...sides)).toEqual({
        outcome: 'not-enough-data',
        reason: expect.stringMatching(/the (reference|window) holds \d+ samples/),
      })
    }
    expect(compare(few, few, { minimumSamples: 10 }).outcome).toBe('compared')
    expect(compare(empty, empty, { minimumSamples: 0 }).outcome).toBe('not-enough-data')
  })

  test('takes a constant for unchanged next to itself, and for drift next to another', () => {
    expect(compared(constant, constant)).toMatchObject({ effect: 0, drifted: false })
    expect(compared(constant, otherConstant)).toMatchObject({ drifted: true })
  })

  test.each(Object.entries(broken))('refuses %s on either side', (_, bad) => {
    for (const sides of [
      [bad, constant],
      [constant, bad],
    ] as const) {
      expect(() => compare(...sides)).toThrow(AppError)
      expect(() => compare(...sides)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
    }
  })

  test('raises few false alarms, also without its effect floor', () => {
    const random = seededRandom(10)
    const runs = 60
    let alarms = 0
    for (let run = 0; run < runs; run++) {
      alarms += compared(unchanged(random, 200), unchanged(random, 100), { effectFloor: 0, seed: run }).drifted ? 1 : 0
    }
    // More alarms than this come once in 10,000 suites from a detector that keeps to 6 %.
    const most = series(runs, (count) => count).find((count) => binomialCdf(count, runs, 0.06) > 0.9999) ?? 0
    expect(alarms).toBeLessThanOrEqual(most)
  })
})

test('an unknown detector is an error that lists those there are', () =>
  expect(() => detectorOf('kolmogorov')).toThrow(/no detector is called kolmogorov.*ks/))
