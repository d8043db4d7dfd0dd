/**
 * Figures of a classifier, equal to scikit-learn's where it has them. A figure whose denominator is 0, such as the precision of a class that
 * was never predicted, is 0, as scikit-learn's `zero_division=0`.
 */
export type ClassFigures = { precision: number; recall: number; f1: number; support: number }
export type Averages = Omit<ClassFigures, 'support'>

export type Classification = {
  labels: readonly string[]
  /** `confusion[i][j]`: how many of class i were predicted as class j. */
  confusion: number[][]
  accuracy: number
  perClass: ClassFigures[]
  /** Mean of the classes that were seen or predicted. */
  macro: Averages
  /** Over all decisions; equals accuracy when all of them predicted a label. */
  micro: Averages
}

/** Of pairs of what was right, one of `labels`, and what was predicted; null, which is always wrong, when that is none of them. */
export const classify = (labels: readonly string[], pairs: readonly { truth: string; predicted: string | null }[]): Classification => {
  const index = new Map(labels.map((label, place) => [label, place]))
  const confusion = labels.map(() => labels.map(() => 0))
  const support = labels.map(() => 0)
  for (const { truth, predicted } of pairs) {
    const row = index.get(truth)
    if (row === undefined) throw new RangeError('what was right is not among the labels')
    support[row] = (support[row] ?? 0) + 1
    const column = predicted === null ? undefined : index.get(predicted)
    const cells = confusion[row]
    if (cells && column !== undefined) cells[column] = (cells[column] ?? 0) + 1
  }
  const counts = labels.map((_, one) => ({
    hits: confusion[one]?.[one] ?? 0,
    predicted: sum(confusion.map((row) => row[one] ?? 0)),
    support: support[one] ?? 0,
  }))
  const perClass = counts.map((count) => ({ ...averages(count), support: count.support }))
  const present = perClass.filter((_, one) => (counts[one]?.support ?? 0) + (counts[one]?.predicted ?? 0) > 0)
  const mean = (of: (figures: ClassFigures) => number) => ratio(sum(present.map(of)), present.length)
  const hits = sum(counts.map((count) => count.hits))
  return {
    labels,
    confusion,
    accuracy: ratio(hits, pairs.length),
    perClass,
    macro: { precision: mean((one) => one.precision), recall: mean((one) => one.recall), f1: mean((one) => one.f1) },
    micro: averages({ hits, predicted: sum(counts.map((count) => count.predicted)), support: pairs.length }),
  }
}

const averages = ({ hits, predicted, support }: { hits: number; predicted: number; support: number }): Averages => ({
  precision: ratio(hits, predicted),
  recall: ratio(hits, support),
  f1: ratio(2 * hits, predicted + support),
})

/** Chance that a positive scores above a negative, ties counting half; null without both. Mann & Whitney 1947. */
export const rocAuc = (scored: readonly { positive: boolean; score: number }[]): number | null => {
  const sorted = [...scored].sort((left, right) => left.score - right.score)
  let positives = 0
  let rankSum = 0
  for (let start = 0; start < sorted.length; ) {
    let end = start
    let tied = 0
    while (end < sorted.length && sorted[end]?.score === sorted[start]?.score) tied += sorted[end++]?.positive ? 1 : 0
    rankSum += tied * ((start + 1 + end) / 2)
    positives += tied
    start = end
  }
  const negatives = sorted.length - positives
  if (positives === 0 || negatives === 0) return null
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** What was right, and the probability given to each label; they add up to 1. */
export type Forecast = { truth: string; probabilities: Readonly<Record<string, number>> }

/** Mean of one-against-the-rest areas over the classes; null unless each was seen. For two classes that is the area of either. */
export const macroRocAuc = (labels: readonly string[], forecasts: readonly Forecast[]): number | null => {
  const areas = labels.map((label) => rocAuc(forecasts.map((one) => ({ positive: one.truth === label, score: probability(one, label) }))))
  const known = areas.filter((area) => area !== null)
  return known.length === labels.length ? sum(known) / known.length : null
}

/** Mean negative logarithm of the probability given to what was right, clipped by 2^-52 as scikit-learn clips doubles. */
export const logLoss = (forecasts: readonly Forecast[]): number =>
  sum(forecasts.map((one) => -Math.log(clip(probability(one, one.truth))))) / forecasts.length

const clip = (p: number) => Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, p))

/** Mean squared distance to what was right: over the classes, 0 to 2, and halved when there are two, as scikit-learn does. Brier 1950. */
export const brier = (labels: readonly string[], forecasts: readonly Forecast[]): number => {
  const distances = forecasts.map((one) => sum(labels.map((label) => (probability(one, label) - (one.truth === label ? 1 : 0)) ** 2)))
  return sum(distances) / forecasts.length / (labels.length === 2 ? 2 : 1)
}

/** One bar of a reliability diagram: confidences from `low`, inclusive, to `high`, exclusive but for 1. Means are null of nothing. */
export type CalibrationBin = { low: number; high: number; n: number; confidence: number | null; accuracy: number | null }

/**
 * How far the confidence of the likeliest label is from how often it is right, averaged over equal bins of confidence by their size.
 * Naeini et al. 2015; scikit-learn has no such figure.
 */
export const calibration = (
  labels: readonly string[],
  forecasts: readonly Forecast[],
  binCount = 10,
): { ece: number; bins: CalibrationBin[] } => {
  const totals = Array.from({ length: binCount }, () => ({ n: 0, confidence: 0, hits: 0 }))
  for (const one of forecasts) {
    const top = likeliest(labels, one)
    const confidence = probability(one, top)
    const bin = totals[Math.min(binCount - 1, Math.floor(confidence * binCount))]
    if (!bin) throw new RangeError('a probability is below 0')
    bin.n += 1
    bin.confidence += confidence
    bin.hits += top === one.truth ? 1 : 0
  }
  return {
    ece: ratio(sum(totals.map(({ confidence, hits }) => Math.abs(hits - confidence))), forecasts.length),
    bins: totals.map(({ n, confidence, hits }, place) => ({
      low: place / binCount,
      high: (place + 1) / binCount,
      n,
      confidence: n === 0 ? null : confidence / n,
      accuracy: n === 0 ? null : hits / n,
    })),
  }
}

/** The label with the highest probability; the first of equals. */
export const likeliest = (labels: readonly string[], forecast: Pick<Forecast, 'probabilities'>): string =>
  labels.reduce((best, label) => (probability(forecast, label) > probability(forecast, best) ? label : best))

const probability = ({ probabilities }: Pick<Forecast, 'probabilities'>, label: string): number =>
  Object.hasOwn(probabilities, label) ? (probabilities[label] ?? 0) : 0
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
