/** One list of ids, best first. */
export type Ranking = readonly number[]

/**
 * Reciprocal rank fusion: an id scores `Σ 1 / (k + rank)` over the lists it appears in, ranks from 1. Returned best first; equal scores by id, so that
 * the order never depends on chance. Cormack, Clarke & Büttcher 2009, k = 60.
 */
export const fuseRanks = (rankings: readonly Ranking[], k = 60): { id: number; score: number }[] => {
  const scores = new Map<number, number>()
  for (const ranking of rankings) {
    ranking.forEach((id, at) => {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (k + at + 1))
    })
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((left, right) => right.score - left.score || left.id - right.id)
}
