/** How much each document answers a query; absent documents do not. */
export type Gains = ReadonlyMap<string, number>

/** Share of the relevant documents that are among the first `k`. Null when nothing is relevant. */
export const recallAt = (ranked: readonly string[], relevant: ReadonlySet<string>, k: number): number | null =>
  relevant.size === 0 ? null : ranked.slice(0, k).filter((id) => relevant.has(id)).length / relevant.size

/** `1 / rank` of the first relevant document; 0 when none is ranked. */
export const reciprocalRank = (ranked: readonly string[], relevant: ReadonlySet<string>): number => {
  const at = ranked.findIndex((id) => relevant.has(id))
  return at < 0 ? 0 : 1 / (at + 1)
}

/**
 * Normalised discounted cumulative gain with linear gain: `Σ gain / log₂(rank + 1)`, divided by that of the best possible order of every judged document,
 * retrieved or not. Null when nothing is relevant. Järvelin & Kekäläinen 2002.
 */
export const ndcgAt = (ranked: readonly string[], gains: Gains, k: number): number | null => {
  const ideal = discounted([...gains.values()].sort((left, right) => right - left).slice(0, k))
  return ideal === 0 ? null : discounted(ranked.slice(0, k).map((id) => gains.get(id) ?? 0)) / ideal
}

/** Mean of what is defined; null when nothing is. */
export const meanOf = (values: readonly (number | null)[]): number | null => {
  const defined = values.filter((value) => value !== null)
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length
}

const discounted = (gains: readonly number[]): number => gains.reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0)
