import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { Collection } from '../db/schema/retrieval.ts'
import { AppError } from '../lib/errors.ts'
import type { Reranker } from '../models/reranker.ts'
import { type AttributeFilter, labelFilter } from './attribute-filter.ts'
import { embeddedText } from './chunk/chunk.ts'
import { type EmbeddingModels, modelOfVersion } from './embedding.ts'
import { fuseRanks } from './fuse.ts'
import { escalate, exactUpTo, filteredSearch, type LabelFilter } from './index/filtered.ts'
import type { LiveIndex } from './index/live-index.ts'
import type { LiveIndexes } from './index/live-indexes.ts'
import type { TextMatch } from './index/text-index.ts'
import type { Passage } from './passages.ts'
import { activeIndexOf } from './store/collections.ts'
import { passagesOf } from './store/passages.ts'

export type SearchRequest = {
  query: string
  limit: number
  /** `hybrid` fuses both halves. */
  mode?: 'hybrid' | 'dense' | 'text' | undefined
  filter?: AttributeFilter | undefined
  /** Passages below this are left out; see `Hit.score`. */
  minScore?: number | undefined
  rerank?: boolean | undefined
  requestId: string
  signal: AbortSignal
}

/** `score` is the reranker's, else cosine similarity; the order is by reranker, else by fused rank. */
export type Hit = Passage & {
  /** Cosine similarity of query and chunk. */
  similarity: number
  /** Share of the query's words, weighted by rarity, that the chunk holds. */
  coverage: number
}

/** Milliseconds of each stage. `dense` and `text` run at the same time. */
export type SearchTimings = { embed: number; words: number; dense: number; text: number; rows: number; rerank: number; total: number }

export type SearchResult = { hits: Hit[]; indexId: string; embeddingVersion: string; timings: SearchTimings }

export type SearchDeps = {
  db: Database
  models: EmbeddingModels
  indexes: LiveIndexes
  /** Absent: results are not reranked. */
  reranker?: (() => Reranker | undefined) | undefined
}

/** How many each half contributes to the fusion, and how many a cross-encoder reads at most. */
const depth = 50

/**
 * Dense and full-text search side by side, fused by reciprocal rank (k = 60), then reranked when asked. The query is embedded once, by the model of the
 * active index; a query reads one index from beginning to end, so two embedding versions never mix.
 */
export const search = async (deps: SearchDeps, collection: Collection, request: SearchRequest): Promise<SearchResult> => {
  const { query, signal, mode = 'hybrid' } = request
  const clock = createStages()
  if (query.trim() === '') throw new AppError('invalid_request', 'the query is empty', { param: 'query' })
  const index = await (deps.indexes.opened(collection.activeIndexId) ?? deps.indexes.of(await activeIndexOf(deps.db, collection)))
  const { row } = index
  const model = modelOfVersion(deps.models, row.embeddingVersion, row.embeddingModel)
  const [vector, terms] = await Promise.all([
    clock.time('embed', () => embedQuery(model, query, collection.tenant, request)),
    clock.time('words', () => wordsOf(deps.db, collection.textConfig, query)),
  ])
  const filter = request.filter === undefined ? undefined : labelFilter(deps.db, row, request.filter)
  const wanted = Math.max(depth, request.limit)
  const [dense, text] = await Promise.all([
    mode === 'text' ? [] : clock.time('dense', () => searchDense(index, vector, wanted, filter, signal)),
    mode === 'dense' ? [] : clock.time('text', () => searchText(index, terms, wanted, filter, signal)),
  ])
  const fused = fuseRanks([dense.map(({ label }) => label), text.map(({ label }) => label)])
  const similarity = await similarities(index, vector, dense, text, signal)
  const coverage = new Map(text.map((match) => [match.label, match.coverage]))
  const rerankers = request.rerank ? deps.reranker?.() : undefined
  // A label whose chunk was deleted since has no row: a few spare ones keep the promise of `limit`.
  const pool = request.minScore === undefined && rerankers === undefined ? request.limit + 8 : wanted
  const found = await clock.time('rows', () =>
    passagesOf(
      deps.db,
      row,
      fused.slice(0, pool).map(({ id }) => id),
    ),
  )
  let hits = fused.flatMap(({ id }): Hit[] => {
    const passage = found.get(id)
    if (passage === undefined) return []
    const score = similarity.get(id) ?? 0
    return [{ ...passage, score, similarity: score, coverage: coverage.get(id) ?? 0 }]
  })
  if (rerankers !== undefined && hits.length > 0) hits = await clock.time('rerank', () => reranked(rerankers, query, hits, signal))
  const { minScore } = request
  const kept = minScore === undefined ? hits : hits.filter((hit) => hit.score >= minScore)
  return { hits: kept.slice(0, request.limit), indexId: row.id, embeddingVersion: row.embeddingVersion, timings: clock.timings() }
}

const embedQuery = async (
  { embedder }: ReturnType<typeof modelOfVersion>,
  query: string,
  tenant: string,
  { requestId, signal }: SearchRequest,
) => {
  const { vectors } = await embedder.embed({ texts: [query], purpose: 'query', tenant, requestId, signal })
  if (vectors[0] === undefined) throw new AppError('upstream_failed', 'the embedding model gave no vector')
  return vectors[0]
}

/** The query's words as the index knows them: stemmed, without stop words. OR-ed, because `websearch_to_tsquery` wants all of them in one chunk. */
const wordsOf = async (db: Database, config: string, query: string): Promise<string[]> => {
  const rows = await db.execute<{ word: string }>(
    sql`select unnest(tsvector_to_array(to_tsvector(${config}::regconfig, ${query}))) as word`,
  )
  return rows.map(({ word }) => word)
}

const searchDense = (index: LiveIndex, vector: Float32Array, k: number, filter: LabelFilter | undefined, signal: AbortSignal) =>
  filter === undefined ? index.vectors.search(vector, k, signal) : filteredSearch(index.vectors, vector, k, filter, signal)

const searchText = async (
  index: LiveIndex,
  terms: string[],
  k: number,
  filter: LabelFilter | undefined,
  signal: AbortSignal,
): Promise<TextMatch[]> => {
  if (terms.length === 0) return []
  if (filter === undefined) return index.searchText(terms, k, null, signal)
  const matching = await filter.labels(exactUpTo + 1)
  if (matching.length <= exactUpTo) return index.searchText(terms, k, matching, signal)
  return escalate(k, (wanted) => index.searchText(terms, wanted, null, signal), filter)
}

/** Cosine similarity for every candidate; those that only the words found are compared one by one. */
const similarities = async (
  index: LiveIndex,
  vector: Float32Array,
  dense: { label: number; score: number }[],
  text: TextMatch[],
  signal: AbortSignal,
) => {
  const known = new Map(dense.map(({ label, score }) => [label, score]))
  const missing = text.map(({ label }) => label).filter((label) => !known.has(label))
  if (missing.length === 0) return known
  for (const { label, score } of await index.vectors.searchAmong(vector, missing.length, missing, signal)) known.set(label, score)
  return known
}

const reranked = async (reranker: Reranker, query: string, hits: Hit[], signal: AbortSignal): Promise<Hit[]> => {
  const read = hits.slice(0, depth)
  const { scores } = await reranker.rerank({ query, documents: read.map(embeddedText), signal })
  return read.map((hit, at) => ({ ...hit, score: scores[at] ?? 0 })).sort((left, right) => right.score - left.score)
}

const createStages = () => {
  const startedAt = performance.now()
  const spent = { embed: 0, words: 0, dense: 0, text: 0, rows: 0, rerank: 0 }
  return {
    async time<Value>(stage: keyof typeof spent, work: () => Promise<Value>): Promise<Value> {
      const from = performance.now()
      try {
        return await work()
      } finally {
        spent[stage] += performance.now() - from
      }
    },
    timings: (): SearchTimings => ({ ...spent, total: performance.now() - startedAt }),
  }
}
