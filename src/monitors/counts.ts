/** Counts of two sides over the same categories, in an order that depends on nothing but the names. */
export type AlignedCounts = {
  categories: readonly string[]
  reference: Float64Array
  window: Float64Array
  referenceTotal: number
  windowTotal: number
}

/** Leaves out categories that neither side has seen. */
export const alignCounts = (reference: ReadonlyMap<string, number>, window: ReadonlyMap<string, number>): AlignedCounts => {
  const count = (of: ReadonlyMap<string, number>, category: string) => of.get(category) ?? 0
  const categories = [...new Set([...reference.keys(), ...window.keys()])]
    .filter((category) => count(reference, category) + count(window, category) > 0)
    .sort()
  return countsOf(
    categories,
    Float64Array.from(categories, (category) => count(reference, category)),
    Float64Array.from(categories, (category) => count(window, category)),
  )
}

export const countsOf = (categories: readonly string[], reference: Float64Array, window: Float64Array): AlignedCounts => ({
  categories,
  reference,
  window,
  referenceTotal: total(reference),
  windowTotal: total(window),
})

/** Fewest samples that a category with any is expected to get on either side when nothing changed. */
export const leastExpected = ({ reference, window, referenceTotal, windowTotal }: AlignedCounts): number => {
  const smallerSide = Math.min(referenceTotal, windowTotal) / (referenceTotal + windowTotal)
  let least = Number.POSITIVE_INFINITY
  for (let place = 0; place < reference.length; place++) {
    const both = (reference[place] ?? 0) + (window[place] ?? 0)
    if (both > 0) least = Math.min(least, both * smallerSide)
  }
  return least
}

export const occupied = ({ reference, window }: AlignedCounts): number =>
  reference.reduce((count, one, place) => count + (one + (window[place] ?? 0) > 0 ? 1 : 0), 0)

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)
