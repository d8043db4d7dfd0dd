import { seededRandom } from '../lib/stats/random.ts'
import type { AlignedCounts } from './counts.ts'

/** Enough that a p can pass a correction over dozens of signals. */
export const permutations = 999

/** A p this well supported is no alarm at any level in use, so the rest of the draws is spared. */
const enoughReached = 100

/**
 * Share of draws under no change that are at least the observed, which counts as one of them (Phipson & Smyth 2010); the drawing stops
 * early when it is sure to be large (Besag & Clifford 1991).
 */
export const permutationPValue = (observed: number, rounds: number, draw: () => number): number => {
  // A draw that is the same arrangement may differ in the last digits.
  const atLeast = observed - Math.abs(observed) * 1e-12
  let reached = 0
  for (let round = 1; round <= rounds; round++) {
    if (draw() >= atLeast) reached += 1
    if (reached === enoughReached) return reached / round
  }
  return (reached + 1) / (rounds + 1)
}

/** A function that brings a random `size` of the items to the front, all choices equally likely. Fisher–Yates, stopped early. */
export const dealer = (items: Int32Array, size: number, seed: number): (() => void) => {
  const random = seededRandom(seed)
  return () => {
    for (let place = 0; place < size; place++) {
      const other = place + Math.floor(random() * (items.length - place))
      const item = items[place] as number
      items[place] = items[other] as number
      items[other] = item
    }
  }
}

/** p of a statistic of counts when the samples of both sides are dealt again at random. */
export const countsPValue = (
  { reference, window, referenceTotal, windowTotal }: AlignedCounts,
  statistic: (reference: Float64Array, window: Float64Array) => number,
  { rounds = permutations, seed = 1 }: { rounds?: number; seed?: number | undefined },
): number => {
  const both = reference.map((count, place) => count + (window[place] ?? 0))
  const items = new Int32Array(referenceTotal + windowTotal)
  let filled = 0
  both.forEach((count, category) => {
    items.fill(category, filled, filled + count)
    filled += count
  })
  const smaller = Math.min(referenceTotal, windowTotal)
  const deal = dealer(items, smaller, seed)
  const dealt = new Float64Array(both.length)
  const rest = new Float64Array(both.length)
  return permutationPValue(statistic(reference, window), rounds, () => {
    deal()
    dealt.fill(0)
    for (let place = 0; place < smaller; place++) dealt[items[place] as number] = (dealt[items[place] as number] as number) + 1
    for (let category = 0; category < rest.length; category++) rest[category] = (both[category] as number) - (dealt[category] as number)
    return smaller === windowTotal ? statistic(rest, dealt) : statistic(dealt, rest)
  })
}
