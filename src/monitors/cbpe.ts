import { AppError } from '../lib/errors.ts'
import { calibrationError } from '../lib/stats/calibration-error.ts'
import { isotonicCalibration } from '../lib/stats/isotonic.ts'
import { seededRandom } from '../lib/stats/random.ts'
import { moments } from '../lib/stats/sample.ts'
import { gammaQ } from '../lib/stats/special.ts'
import { type DetectorOptions, type Finding, judge } from './detector.ts'
import { mustBeFinite, shortage } from './guarded.ts'

/** What a classifier said of one case, the chance of a positive, and what was right. */
export type LabelledScore = { score: number; positive: boolean }

/** A figure whose denominator is 0 is 0; the area is null when one class alone is there. */
export type Performance = { accuracy: number; precision: number; recall: number; f1: number; auc: number | null }

export type PerformanceEstimate = {
  outcome: 'estimated'
  /** Of the window, whose labels nobody knows. */
  estimate: Performance
  /** Of the reference, by its labels. */
  reference: Performance
  /** By how much chance alone moves each figure in a window of this size. */
  standardError: Performance
  /** Whether the scores were corrected: only when that made the reference's scores better chances. */
  recalibrated: boolean
}

type Shortage = Extract<Finding, { outcome: 'not-enough-data' }>

/**
 * Accuracy and its kin of a window without labels, out of scores that are chances: confidence-based performance estimation (NannyML).
 * Sound while what comes in changes, not when the right answers to the same input change: only labels see that.
 */
export const estimatePerformance = (
  reference: readonly LabelledScore[],
  window: readonly number[],
  options: DetectorOptions & { threshold?: number } = {},
): PerformanceEstimate | Shortage => {
  const { threshold = 0.5, seed = 1 } = options
  mustBeChances(
    'reference',
    reference.map(({ score }) => score),
  )
  mustBeChances('window', window)
  const short = shortage(reference.length, window.length, options)
  if (short) return short
  const positives = reference.filter(({ positive }) => positive).length
  if (positives === 0 || positives === reference.length) {
    return { outcome: 'not-enough-data', reason: `all labels of the reference are ${positives === 0 ? 'negative' : 'positive'}` }
  }
  const recalibrated = isBetterCalibrated(reference, seed)
  const chance = recalibrated ? isotonicCalibration(reference) : (score: number) => score
  return {
    outcome: 'estimated',
    estimate: expectedPerformance(window.map(chance), { scores: window, threshold }),
    reference: realisedPerformance(reference, threshold),
    standardError: standardError(reference, window.length, { threshold, seed }),
    recalibrated,
  }
}

/** The estimate of one figure as a finding beside others: two-sided, against the reference's own. */
export const performanceFinding = (found: PerformanceEstimate, figure: keyof Performance, options: DetectorOptions = {}): Finding => {
  const [before, now, error] = [found.reference[figure], found.estimate[figure], found.standardError[figure]]
  if (before === null || now === null || error === null) {
    return { outcome: 'not-enough-data', reason: `no ${figure} of a single class` }
  }
  const statistic = now - before
  const pValue = error > 0 ? gammaQ(0.5, (statistic / error) ** 2 / 2) : statistic === 0 ? 1 : 0
  const effectName = `estimated change of ${figure}`
  return judge({ name: 'cbpe', effectFloor: 0.03 }, { statistic, pValue, effect: Math.abs(statistic), effectName }, options)
}

/** Figures expected when each case is positive with its chance. `scores`, by default the chances, decide what is predicted. */
export const expectedPerformance = (
  chances: readonly number[],
  { scores = chances, threshold = 0.5 }: { scores?: readonly number[]; threshold?: number } = {},
): Performance =>
  performanceOf(
    byScore(chances.map((chance, place) => ({ score: scores[place] ?? 0, positives: chance, negatives: 1 - chance }))),
    threshold,
  )

const realisedPerformance = (cases: readonly LabelledScore[], threshold: number): Performance =>
  performanceOf(
    byScore(cases.map(({ score, positive }) => ({ score, positives: positive ? 1 : 0, negatives: positive ? 0 : 1 }))),
    threshold,
  )

/** How many positives and negatives have a score; expected ones may be fractions. */
type Weighted = { score: number; positives: number; negatives: number }

const byScore = (cases: readonly Weighted[]): Weighted[] => [...cases].sort((left, right) => right.score - left.score)

/** Of cases by falling score. The area is that under hits against false alarms, over thresholds at each score. */
const performanceOf = (cases: readonly Weighted[], threshold: number): Performance => {
  let [hits, falseAlarms] = [0, 0]
  let [positives, negatives, area] = [0, 0, 0]
  for (let place = 0; place < cases.length; ) {
    const score = cases[place]?.score ?? 0
    const [positivesAbove, negativesAbove] = [positives, negatives]
    for (; cases[place]?.score === score; place++) {
      positives += cases[place]?.positives ?? 0
      negatives += cases[place]?.negatives ?? 0
    }
    area += ((negatives - negativesAbove) * (positives + positivesAbove)) / 2
    if (score >= threshold) [hits, falseAlarms] = [positives, negatives]
  }
  const misses = positives - hits
  return {
    accuracy: (hits + negatives - falseAlarms) / (positives + negatives),
    precision: ratio(hits, hits + falseAlarms),
    recall: ratio(hits, positives),
    f1: ratio(2 * hits, 2 * hits + falseAlarms + misses),
    auc: positives > 0 && negatives > 0 ? area / (positives * negatives) : null,
  }
}

/** Whether chances corrected on two thirds of the cases are closer to the truth on the last third, over the three of them. */
const isBetterCalibrated = (cases: readonly LabelledScore[], seed: number): boolean => {
  const random = seededRandom(seed)
  // Dealing each class in turn gives every third its share of positives.
  const shuffled = cases.map((one) => ({ one, at: random() })).sort((left, right) => left.at - right.at)
  const dealt = [true, false].flatMap((label) => shuffled.filter(({ one }) => one.positive === label)).map(({ one }) => one)
  let gain = 0
  for (const third of [0, 1, 2]) {
    const chance = isotonicCalibration(dealt.filter((_, place) => place % 3 !== third))
    const held = dealt.filter((_, place) => place % 3 === third)
    const corrected = held.map(({ score, positive }) => ({ score: chance(score), positive }))
    gain += calibrationError(held, { equal: 'count' }) - calibrationError(corrected, { equal: 'count' })
  }
  return gain > 0
}

const resamples = 200

/** Deviation of the reference's figures over samples of the window's size, with the reference's own error beside it. */
const standardError = (
  cases: readonly LabelledScore[],
  size: number,
  { threshold, seed }: { threshold: number; seed: number },
): Performance => {
  const random = seededRandom(seed)
  const sorted = [...cases].sort((left, right) => right.score - left.score)
  const samples = Array.from({ length: resamples }, () => {
    const sample = sorted.map(({ score }) => ({ score, positives: 0, negatives: 0 }))
    for (let drawn = 0; drawn < size; drawn++) {
      const place = Math.floor(random() * sorted.length)
      const drawnCase = sample[place]
      if (drawnCase) drawnCase[sorted[place]?.positive ? 'positives' : 'negatives'] += 1
    }
    return performanceOf(sample, threshold)
  })
  const both = Math.sqrt(1 + size / cases.length)
  const deviation = (of: (one: Performance) => number) => Math.sqrt(moments(samples.map(of)).variance) * both
  return {
    accuracy: deviation((one) => one.accuracy),
    precision: deviation((one) => one.precision),
    recall: deviation((one) => one.recall),
    f1: deviation((one) => one.f1),
    auc: samples.some(({ auc }) => auc === null) ? null : deviation(({ auc }) => auc ?? 0),
  }
}

const mustBeChances = (side: 'reference' | 'window', scores: readonly number[]): void => {
  mustBeFinite(side, scores)
  if (scores.some((score) => score < 0 || score > 1)) {
    throw new AppError('invalid_request', `the ${side} holds scores that are no chances from 0 to 1`)
  }
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
