/** The closest sequence that never falls, by least squares. Pool adjacent violators; Ayer et al. 1955. */
export const isotonic = (values: readonly number[], weights: readonly number[] = values.map(() => 1)): number[] => {
  const blocks: { mean: number; weight: number; length: number }[] = []
  values.forEach((value, index) => {
    let block = { mean: value, weight: weights[index] ?? 0, length: 1 }
    for (let last = blocks.at(-1); last && last.mean >= block.mean; last = blocks.at(-1)) {
      blocks.pop()
      const weight = last.weight + block.weight
      block = { mean: (last.mean * last.weight + block.mean * block.weight) / weight, weight, length: last.length + block.length }
    }
    blocks.push(block)
  })
  return blocks.flatMap(({ mean, length }) => Array<number>(length).fill(mean))
}

/**
 * Maps scores to chances, learnt from outcomes: rises with the score, linear between the scores that were seen, and constant outside of
 * them, as scikit-learn's `IsotonicRegression`. Needs an outcome.
 */
export const isotonicCalibration = (outcomes: readonly { score: number; positive: boolean }[]): ((score: number) => number) => {
  const byScore = new Map<number, { positives: number; n: number }>()
  for (const { score, positive } of outcomes) {
    const seen = byScore.get(score) ?? { positives: 0, n: 0 }
    byScore.set(score, { positives: seen.positives + (positive ? 1 : 0), n: seen.n + 1 })
  }
  const groups = [...byScore].sort(([left], [right]) => left - right)
  const scores = groups.map(([score]) => score)
  const chances = isotonic(
    groups.map(([, { positives, n }]) => positives / n),
    groups.map(([, { n }]) => n),
  )
  return (score) => {
    const above = firstAtLeast(scores, score)
    const [low, high] = [Math.max(0, above - 1), Math.min(scores.length - 1, above)]
    const [from = 0, to = 0, start = 0, end = 0] = [scores[low], scores[high], chances[low], chances[high]]
    if (to === from || score <= from) return above === 0 ? start : end
    return score >= to ? end : start + ((end - start) * (score - from)) / (to - from)
  }
}

const firstAtLeast = (sorted: readonly number[], value: number): number => {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((sorted[middle] as number) < value) from = middle + 1
    else to = middle
  }
  return from
}
