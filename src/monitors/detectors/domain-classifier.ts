import { rocAuc } from '../../lib/stats/classification.ts'
import { normalCdf } from '../../lib/stats/distributions.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import type { DetectorOptions } from '../detector.ts'
import { discriminant } from '../discriminant.ts'
import { mustBeVectors, vectorDetector } from '../guarded.ts'
import { mostVectors, type Rows, rowsOf, subsample } from '../vectors.ts'

/**
 * Whether a linear classifier can tell the window's embeddings from the reference's: area under its curve over examples that it was not
 * trained on. p is one-sided, as an area below a half is chance. Blunter than `mmd`, but it can say which examples moved: `mostShifted`.
 */
export const domainClassifier = vectorDetector({ name: 'domain-classifier', effectFloor: 0.02 }, (reference, window, options) => {
  const folds = crossFit(reference, window, options)
  const areas = folds.map((fold) => rocAuc(fold.map(({ fromWindow, score }) => ({ positive: fromWindow, score }))) ?? 0.5)
  const area = areas.reduce((sum, value) => sum + value, 0) / folds.length
  // Each pair of folds enters twice, one scoring the other, so the mean varies twice as much as that of independent areas.
  const variance = (2 * folds.reduce((sum, fold) => sum + areaVariance(fold), 0)) / folds.length ** 2
  const pValue = normalCdf((0.5 - area) / Math.sqrt(variance))
  return { statistic: area, pValue, effect: Math.max(0, area - 0.5), effectName: 'area under the curve above a half' }
})

/** `index`: place in the window; `share`: of the unseen reference examples that look less like the window than this one. */
export type ShiftedExample = { index: number; share: number }

/** The window's examples, those first that look least like the reference; of a window past 1,000, a random 1,000. Each is scored unseen. */
export const mostShifted = (
  reference: readonly Float32Array[],
  window: readonly Float32Array[],
  options: DetectorOptions = {},
): ShiftedExample[] => {
  mustBeVectors(reference, window)
  if (reference.length < 2 || window.length < 2) return []
  return crossFit(reference, window, options)
    .flatMap((fold) => {
      const unseen = Float64Array.from(fold.filter(({ fromWindow }) => !fromWindow).map(({ score }) => score)).sort()
      return fold
        .filter(({ fromWindow }) => fromWindow)
        .map(({ index, score }) => ({ index, score, share: unseen.filter((other) => other < score).length / Math.max(1, unseen.length) }))
    })
    .sort((left, right) => right.share - left.share || right.score - left.score)
    .map(({ index, share }) => ({ index, share }))
}

type Scored = { index: number; fromWindow: boolean; score: number }

const foldCount = 5

/** Scores of all examples, each from a classifier that was trained on the other folds. */
const crossFit = (reference: readonly Float32Array[], window: readonly Float32Array[], { seed = 1 }: DetectorOptions): Scored[][] => {
  const random = seededRandom(seed)
  const folds = Math.min(foldCount, reference.length, window.length)
  const examples = [reference, window].flatMap((side, which) =>
    subsample(side.length, mostVectors, seed)
      .map((index) => ({ index, fromWindow: which === 1, vector: side[index] as Float32Array, at: random() }))
      .sort((left, right) => left.at - right.at)
      .map((example, place) => ({ ...example, fold: place % folds })),
  )
  const rows = rowsOf(examples.map(({ vector }) => vector))
  const fromWindow = Uint8Array.from(examples, (example) => (example.fromWindow ? 1 : 0))
  return Array.from({ length: folds }, (_, fold) => {
    const train = Int32Array.from(examples.flatMap((example, place) => (example.fold === fold ? [] : [place])))
    const weights = discriminant(rows, fromWindow, train)
    return examples.flatMap((example, place) =>
      example.fold === fold ? [{ index: example.index, fromWindow: example.fromWindow, score: project(rows, place, weights) }] : [],
    )
  })
}

const project = ({ values, dimensions }: Rows, row: number, weights: Float64Array): number => {
  let sum = 0
  for (let place = 0; place < dimensions; place++) sum += (weights[place] as number) * (values[row * dimensions + place] as number)
  return sum
}

/** Of the area when both sides are alike. Mann & Whitney 1947. */
const areaVariance = (fold: readonly Scored[]): number => {
  const m = fold.filter(({ fromWindow }) => fromWindow).length
  const n = fold.length - m
  return n === 0 || m === 0 ? 0 : (n + m + 1) / (12 * n * m)
}
