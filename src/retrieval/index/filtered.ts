import type { Neighbour, VectorIndex } from './vector-index.ts'

/** A condition on chunks that only the database can judge. */
export type LabelFilter = {
  /** Matching labels, at most `limit` of them. */
  labels(limit: number): Promise<number[]>
  /** Those of the given labels that match. */
  keep(labels: number[]): Promise<ReadonlySet<number>>
}

/** Up to here, comparing with every match is faster than looking for matches in the graph; and always exact. */
export const exactUpTo = 2000

/**
 * The `k` nearest that match, whenever `k` match. Selectivity decides: few matches are compared one by one; many are found by asking the index for more
 * than `k`, four times as many each time it was not enough. No callback runs per visited node: that costs milliseconds, and a throw in it is fatal.
 */
export const filteredSearch = async (
  index: VectorIndex,
  vector: Float32Array,
  k: number,
  filter: LabelFilter,
  signal?: AbortSignal,
): Promise<Neighbour[]> => {
  const matching = await filter.labels(exactUpTo + 1)
  if (matching.length <= exactUpTo) return index.searchAmong(vector, k, matching, signal)
  return escalate(k, (wanted) => index.search(vector, wanted, signal), filter)
}

/** Asks `search` for more and more until `k` of its answers match or it has no more. */
export const escalate = async <Found extends { label: number }>(
  k: number,
  search: (wanted: number) => Promise<Found[]>,
  filter: Pick<LabelFilter, 'keep'>,
): Promise<Found[]> => {
  for (let wanted = Math.max(32, k * 4); ; wanted *= 4) {
    const found = await search(wanted)
    const kept = await filter.keep(found.map((neighbour) => neighbour.label))
    const matches = found.filter((neighbour) => kept.has(neighbour.label))
    if (matches.length >= k || found.length < wanted) return matches.slice(0, k)
  }
}
