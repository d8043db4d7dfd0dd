import { describe, expect, test } from 'vitest'
import {
  brier,
  calibration,
  classify,
  type Forecast,
  likeliest,
  logLoss,
  macroRocAuc,
  rocAuc,
} from '../../../src/lib/stats/classification.ts'

/** The generator that made the same inputs for scikit-learn 1.9.1: x ← 1664525 x + 1013904223 mod 2^32, every second one over 2^32. */
const generator = () => {
  let x = 12_345
  const step = () => {
    x = (Math.imul(1_664_525, x) + 1_013_904_223) >>> 0
    return x / 2 ** 32
  }
  return () => {
    step()
    return step()
  }
}

const next = generator()
const labels = ['a', 'b', 'c']
const forecasts = Array.from({ length: 60 }, (): Forecast => {
  const truth = Math.floor(next() * 3)
  const weights = labels.map((_, label) => next() + (label === truth ? 0.25 : 0))
  const total = weights[0]! + weights[1]! + weights[2]!
  return { truth: labels[truth]!, probabilities: Object.fromEntries(labels.map((label, place) => [label, weights[place]! / total])) }
})
const scored = Array.from({ length: 50 }, () => {
  const positive = next() < 0.4
  const score = Number(Math.min(0.99, Math.max(0.01, next() * 0.6 + (positive ? 0.3 : 0))).toFixed(1))
  return { positive, score }
})
const binary = scored.map(({ positive, score }): Forecast => ({ truth: positive ? '1' : '0', probabilities: { 0: 1 - score, 1: score } }))

const near = (got: number | null | undefined, wanted: number) => expect(Math.abs((got ?? Number.NaN) - wanted)).toBeLessThan(1e-9)
const allNear = (got: readonly number[], wanted: readonly number[]) => {
  expect(got).toHaveLength(wanted.length)
  wanted.forEach((value, index) => {
    near(got[index], value)
  })
}

describe('as scikit-learn 1.9.1', () => {
  const pairs = forecasts.map((one) => ({ truth: one.truth, predicted: likeliest(labels, one) }))
  const figures = classify(labels, pairs)

  test('confusion matrix, accuracy, and figures of each class', () => {
    expect(figures.confusion).toEqual([
      [15, 4, 4],
      [8, 12, 2],
      [5, 4, 6],
    ])
    near(figures.accuracy, 0.55)
    const of = (name: 'precision' | 'recall' | 'f1' | 'support') => figures.perClass.map((one) => one[name])
    allNear(of('precision'), [0.5357142857142857, 0.6, 0.5])
    allNear(of('recall'), [0.6521739130434783, 0.5454545454545454, 0.4])
    allNear(of('f1'), [0.5882352941176471, 0.5714285714285714, 0.4444444444444444])
    expect(of('support')).toEqual([23, 22, 15])
  })

  test('macro and micro averages', () => {
    allNear(Object.values(figures.macro), [0.5452380952380952, 0.5325428194993412, 0.5347027699968876])
    allNear(Object.values(figures.micro), [0.55, 0.55, 0.55])
  })

  test('area under the curve of each class and of all, log loss and Brier score', () => {
    const areas = labels.map((label) =>
      rocAuc(forecasts.map((one) => ({ positive: one.truth === label, score: one.probabilities[label]! }))),
    )
    allNear(areas as number[], [0.7050528789659224, 0.7811004784688995, 0.7762962962962963])
    near(macroRocAuc(labels, forecasts), 0.7541498845770395)
    near(logLoss(forecasts), 0.889062912590094)
    near(brier(labels, forecasts), 0.5417510327180053)
  })

  test('two classes, with ties', () => {
    near(rocAuc(scored), 0.9383333333333334)
    near(logLoss(binary), 0.43280323500869033)
    near(brier(['0', '1'], binary), 0.138)
    const { confusion, perClass } = classify(
      ['0', '1'],
      scored.map(({ positive, score }) => ({ truth: positive ? '1' : '0', predicted: score >= 0.5 ? '1' : '0' })),
    )
    expect(confusion).toEqual([
      [18, 12],
      [2, 18],
    ])
    allNear([perClass[1]!.precision, perClass[1]!.recall, perClass[1]!.f1], [0.6, 0.9, 0.72])
  })

  test('a class that is never predicted has 0, not nothing', () => {
    const { macro, perClass } = classify(labels, [
      { truth: 'a', predicted: 'a' },
      { truth: 'a', predicted: 'b' },
      { truth: 'b', predicted: 'b' },
      { truth: 'b', predicted: 'b' },
      { truth: 'c', predicted: 'b' },
    ])
    allNear(
      perClass.map((one) => one.f1),
      [2 / 3, 2 / 3, 0],
    )
    allNear(Object.values(macro), [0.5, 0.5, 0.4444444444444444])
  })

  test('certain and wrong costs much, and is finite', () => {
    const certain = (truth: string, p: number): Forecast => ({ truth, probabilities: { 0: 1 - p, 1: p } })
    near(logLoss([certain('0', 1), certain('1', 0), certain('1', 0.5)]), 24.260151319598084)
  })
})

describe('beyond scikit-learn', () => {
  test('calibration: the error over ten bins, as computed with numpy', () => {
    const { ece, bins } = calibration(labels, forecasts)
    near(ece, 0.04681701091879784)
    expect(bins.reduce((total, bin) => total + bin.n, 0)).toBe(60)
    expect(bins[0]).toEqual({ low: 0, high: 0.1, n: 0, confidence: null, accuracy: null })
  })

  test('an answer that is none of the labels is wrong', () => {
    const { accuracy, perClass, micro } = classify(
      ['a', 'b'],
      [
        { truth: 'a', predicted: 'a' },
        { truth: 'a', predicted: null },
      ],
    )
    expect([accuracy, perClass[0]?.recall, perClass[0]?.precision, micro.precision, micro.recall]).toEqual([0.5, 0.5, 1, 1, 0.5])
  })

  test('there is no area with one class alone', () => {
    expect(rocAuc([{ positive: true, score: 0.3 }])).toBeNull()
    expect(
      macroRocAuc(
        labels,
        forecasts.filter((one) => one.truth !== 'c'),
      ),
    ).toBeNull()
  })
})
