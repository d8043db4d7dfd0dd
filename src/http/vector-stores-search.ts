import type { z } from 'zod'
import type { Collection } from '../db/schema/retrieval.ts'
import { AppError } from '../lib/errors.ts'
import type { Retrieval } from '../retrieval/retrieval.ts'
import type { Hit, SearchRequest, SearchTimings } from '../retrieval/search.ts'
import type { searchBody } from './vector-stores-schemas.ts'

const silentRankers = new Set(['none', 'auto', 'default-2024-11-15', 'default_2024_08_21'])

/** One search per query of the request, best hit of each chunk, in OpenAI's shape. */
export const searchStore = async (
  retrieval: Retrieval,
  collection: Collection,
  body: z.output<typeof searchBody>,
  requestId: string,
  signal: AbortSignal,
): Promise<{ json: object; timings: SearchTimings }> => {
  const queries = typeof body.query === 'string' ? [body.query] : body.query
  const ranking = body.ranking_options
  const ranker = ranking?.ranker ?? 'none'
  const rerank = !silentRankers.has(ranker)
  if (rerank && retrieval.deps.reranker?.()?.id !== ranker)
    throw new AppError('model_not_found', `there is no reranker '${ranker}'`, { param: 'ranking_options.ranker' })
  const request: Omit<SearchRequest, 'query'> = {
    limit: body.max_num_results,
    mode: modeOf(ranking?.hybrid_search),
    filter: body.filters ?? undefined,
    minScore: ranking?.score_threshold,
    rerank,
    requestId,
    signal,
  }
  const results = await Promise.all(queries.map((query) => retrieval.search(collection, { ...request, query })))
  const [first] = results
  if (first === undefined) throw new AppError('invalid_request', 'the query is empty', { param: 'query' })
  const hits = results.length === 1 ? first.hits : bestOfEach(results.flatMap((result) => result.hits)).slice(0, body.max_num_results)
  return {
    timings: first.timings,
    json: { object: 'vector_store.search_results.page', search_query: queries, data: hits.map(hitJson), has_more: false, next_page: null },
  }
}

const modeOf = (weights: { embedding_weight: number; text_weight: number } | undefined): SearchRequest['mode'] => {
  if (weights === undefined || (weights.embedding_weight > 0 && weights.text_weight > 0)) return 'hybrid'
  if (weights.embedding_weight > 0) return 'dense'
  if (weights.text_weight > 0) return 'text'
  throw new AppError('invalid_request', 'one of the weights must be greater than zero', { param: 'ranking_options.hybrid_search' })
}

const bestOfEach = (hits: Hit[]): Hit[] => {
  const best = new Map<string, Hit>()
  for (const hit of hits) if ((best.get(hit.chunkId)?.score ?? Number.NEGATIVE_INFINITY) < hit.score) best.set(hit.chunkId, hit)
  return [...best.values()].sort((left, right) => right.score - left.score)
}

/** `weir` holds what a citation needs and OpenAI has no field for. */
const hitJson = (hit: Hit) => ({
  file_id: hit.fileId ?? hit.documentId,
  filename: hit.title ?? hit.externalId,
  score: Math.max(0, hit.score),
  attributes: hit.attributes,
  content: [{ type: 'text', text: hit.text }],
  weir: {
    document_id: hit.documentId,
    external_id: hit.externalId,
    version: hit.version,
    chunk_id: hit.chunkId,
    heading_path: hit.headingPath,
    char_start: hit.charStart,
    char_end: hit.charEnd,
    page: hit.page,
    similarity: hit.similarity,
  },
})
