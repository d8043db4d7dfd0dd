import { ndcgAt, recallAt, reciprocalRank } from '../../retrieval/ranking-metrics.ts'
import { type Assertion, graded, type OutputPassage, type Scorer, undetermined } from '../scorer.ts'

/** The value: ids or texts that passages hold, or `{id: gain}`. A passage counts by its id, or by holding the text. */
const gainsOf = (value: unknown): Map<string, number> =>
  Array.isArray(value)
    ? new Map(value.map((item) => [String(item), 1]))
    : typeof value === 'string'
      ? new Map([[value, 1]])
      : new Map(Object.entries((value ?? {}) as Record<string, number>))

/** Two passages that hold the same text find it once. */
const rankedIds = (passages: readonly OutputPassage[], gains: ReadonlyMap<string, number>): string[] => {
  const found = new Set<string>()
  return passages.map(({ id, text }, at) => {
    const sought = gains.has(id) ? id : [...gains.keys()].find((key) => text.includes(key))
    if (sought === undefined || found.has(sought)) return `passage ${at + 1}`
    found.add(sought)
    return sought
  })
}

type Ranked = { ids: string[]; gains: Map<string, number>; relevant: Set<string>; k: number }

const metric = (type: string, read: (ranked: Ranked) => number | null): Scorer => ({
  type,
  refuse: ({ value }: Assertion) => (gainsOf(value).size === 0 ? `${type} needs the relevant ids or texts as its value` : undefined),
  score: ({ passages }, { value, threshold = 0.5, config }) => {
    const gains = gainsOf(value)
    const ids = rankedIds(passages, gains)
    const relevant = new Set([...gains].filter(([, gain]) => gain > 0).map(([id]) => id))
    const score = read({ ids, gains, relevant, k: Number(config.k ?? Math.max(passages.length, 1)) })
    return score === null
      ? undetermined('nothing is relevant')
      : graded(score, threshold, `${type} ${score.toFixed(3)} over ${passages.length} passages`)
  },
})

export const recallAtK = metric('recall-at-k', ({ ids, relevant, k }) => recallAt(ids, relevant, k))
export const precisionAtK = metric('precision-at-k', ({ ids, relevant, k }) => ids.slice(0, k).filter((id) => relevant.has(id)).length / k)
export const mrr = metric('mrr', ({ ids, relevant }) => reciprocalRank(ids, relevant))
/** Linear gain; the ideal list is over everything judged, retrieved or not. */
export const ndcg = metric('ndcg', ({ ids, gains, k }) => ndcgAt(ids, gains, k))
/** Average precision, divided by all that is relevant. */
export const averagePrecision = metric('map', ({ ids, relevant, k }) => averagePrecisionAt(ids, relevant, k))

export const averagePrecisionAt = (ranked: readonly string[], relevant: ReadonlySet<string>, k: number): number | null => {
  if (relevant.size === 0) return null
  let [found, sum] = [0, 0]
  for (const [at, id] of ranked.slice(0, k).entries()) {
    if (!relevant.has(id)) continue
    found += 1
    sum += found / (at + 1)
  }
  return sum / relevant.size
}
