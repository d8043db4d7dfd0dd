import { AppError } from '../../lib/errors.ts'
import type { Comparison, DetectorOptions } from '../detector.ts'
import { numericDetector } from '../guarded.ts'
import { dealer, permutationPValue, permutations } from '../permutation.ts'

/** How far values moved on average, in standard deviations of the reference; p by permutation. */
export const wasserstein = numericDetector({ name: 'wasserstein', effectFloor: 0.1 }, (reference, window, options) =>
  earthMover(reference, window, options),
)

/** The same of logarithms, for latency and cost: a doubling counts alike at 10 ms and at 10 s. Negative values throw `invalid_request`. */
export const wassersteinLog = numericDetector({ name: 'wasserstein-log', effectFloor: 0.1 }, (reference, window, options) => {
  const logarithm = logarithmOf(reference, window)
  return earthMover(reference.map(logarithm), window.map(logarithm), options)
})

/** Zeros, such as the cost of a cached answer, count as half of the least positive value. */
const logarithmOf = (...sides: (readonly number[])[]): ((value: number) => number) => {
  let least = Number.POSITIVE_INFINITY
  for (const value of sides.flat()) {
    if (value < 0) throw new AppError('invalid_request', 'the logarithm of a negative value: choose a detector without one')
    if (value > 0) least = Math.min(least, value)
  }
  const floor = Number.isFinite(least) ? least / 2 : 1
  return (value) => Math.log(value > 0 ? value : floor)
}

const earthMover = (reference: readonly number[], window: readonly number[], { seed = 1 }: DetectorOptions): Comparison => {
  const statistic = wassersteinDistance(reference, window)
  // A constant reference has no scale of its own.
  const scale = deviation(reference) || deviation([...reference, ...window]) || 1
  return {
    statistic,
    pValue: statistic === 0 ? 1 : permutedPValue(reference, window, seed),
    effect: statistic / scale,
    effectName: 'Wasserstein distance in standard deviations of the reference',
  }
}

/** ∫ |F − G|. */
export const wassersteinDistance = (first: readonly number[], second: readonly number[]): number => {
  const { gaps, sides } = merge(first, second)
  return area(gaps, sides, first.length, second.length)
}

const permutedPValue = (first: readonly number[], second: readonly number[], seed: number): number => {
  const { gaps, sides } = merge(first, second)
  const [n, m] = [first.length, second.length]
  const places = Int32Array.from(sides, (_, place) => place)
  const smaller = Math.min(n, m)
  const deal = dealer(places, smaller, seed)
  const dealt = new Uint8Array(n + m)
  return permutationPValue(area(gaps, sides, n, m), permutations, () => {
    deal()
    dealt.fill(0)
    for (let place = 0; place < smaller; place++) dealt[places[place] as number] = 1
    return area(gaps, dealt, n + m - smaller, smaller)
  })
}

/** Distances between neighbours of the merged sample, and which of them are of the second side. */
const merge = (first: readonly number[], second: readonly number[]): { gaps: Float64Array; sides: Uint8Array } => {
  const [one, two] = [Float64Array.from(first).sort(), Float64Array.from(second).sort()]
  const size = one.length + two.length
  const values = new Float64Array(size)
  const sides = new Uint8Array(size)
  for (let place = 0, i = 0, j = 0; place < size; place++) {
    const fromSecond = i === one.length || (j < two.length && (two[j] as number) < (one[i] as number))
    sides[place] = fromSecond ? 1 : 0
    values[place] = (fromSecond ? two[j++] : one[i++]) as number
  }
  const gaps = values.map((value, place) => (place + 1 < size ? (values[place + 1] as number) - value : 0))
  return { gaps, sides }
}

const area = (gaps: Float64Array, sides: Uint8Array, n: number, m: number): number => {
  let seconds = 0
  let sum = 0
  for (let place = 0; place < gaps.length; place++) {
    seconds += sides[place] as number
    sum += Math.abs((place + 1 - seconds) / n - seconds / m) * (gaps[place] as number)
  }
  return sum
}

/** Of the population, as in the distance's usual normalisation. */
const deviation = (values: readonly number[]): number => {
  // Rounding would give a constant a tiny deviation.
  if (values.every((value) => value === values[0])) return 0
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
