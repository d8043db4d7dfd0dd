import { quantile } from '../lib/stats/sample.ts'
import { type AlignedCounts, countsOf } from './counts.ts'

/**
 * Counts of both sides between the reference's deciles. A value that spans two deciles or more, such as the only one of a constant column,
 * gets a bin of its own, so that values just below and above it are told from it.
 */
export const decileCounts = (reference: readonly number[], window: readonly number[]): AlignedCounts => {
  const cuts = decileCuts(Float64Array.from(reference).sort())
  const count = (values: readonly number[]) => {
    const counts = new Float64Array(cuts.length + 1)
    for (const value of values) {
      const bin = binOf(cuts, value)
      counts[bin] = (counts[bin] ?? 0) + 1
    }
    return counts
  }
  const labels = Array.from({ length: cuts.length + 1 }, (_, bin) => String(bin))
  return countsOf(labels, count(reference), count(window))
}

/** Divides the numbers into those below and those above; a value equal to `at` is below when `equalIsBelow`. */
type Cut = { at: number; equalIsBelow: boolean }

const decileCuts = (sorted: Float64Array): Cut[] => {
  const values = [...sorted]
  const deciles = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) => quantile(values, tenth / 10))
  const cuts: Cut[] = []
  deciles.forEach((at, place) => {
    if (deciles[place - 1] === at) return
    if (deciles[place + 1] === at) cuts.push({ at, equalIsBelow: false })
    cuts.push({ at, equalIsBelow: true })
  })
  return cuts
}

const binOf = (cuts: readonly Cut[], value: number): number => {
  let bin = 0
  while (bin < cuts.length && !isBelow(value, cuts[bin] as Cut)) bin++
  return bin
}

const isBelow = (value: number, { at, equalIsBelow }: Cut): boolean => (equalIsBelow ? value <= at : value < at)
