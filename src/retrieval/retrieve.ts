import type { Database } from '../db/database.ts'
import type { Collection } from '../db/schema/retrieval.ts'
import type { AttributeFilter } from './attribute-filter.ts'
import { fencePassages } from './fence.ts'
import { fitPassages, type Passage } from './passages.ts'
import type { Hit, SearchRequest, SearchResult, SearchTimings } from './search.ts'
import { neighboursOf } from './store/passages.ts'

export type RetrieveRequest = {
  collection: string
  query: string
  /** At most this many passages. */
  topK: number
  tokenBudget: number
  tenant: string
  /** Cosine similarity, or the reranker's score, below which a passage says nothing about the question. */
  minScore?: number | undefined
  filter?: AttributeFilter | undefined
  rerank?: boolean | undefined
  /** The chat model's ruler for the budget; the embedding model's counts stand in when absent. */
  countTokens?: ((texts: string[], signal: AbortSignal) => Promise<number[]>) | undefined
  requestId: string
  signal: AbortSignal
}

/** Empty `passages`: nothing relevant was found, and the route says so without asking the model. `fencedText` is empty too then. */
export type Retrieved = {
  passages: Passage[]
  fencedText: string
  nonce: string
  timings: SearchTimings & { fit: number }
  indexId: string
  embeddingVersion: string
}

export type RetrieveDeps = {
  db: Database
  collectionOf: (tenant: string, idOrHandle: string) => Promise<Collection>
  search: (collection: Collection, request: SearchRequest) => Promise<SearchResult>
}

/** What a route answers when `retrieve` found nothing: the model is not asked, because it would have to invent. */
export const nothingFound = 'I found nothing about this in the documents I have.'

/** Passages for a question, fitted to a budget of tokens and fenced for the user's turn. */
export const retrieve = async (deps: RetrieveDeps, request: RetrieveRequest): Promise<Retrieved> => {
  const { query, filter, rerank, requestId, signal } = request
  const collection = await deps.collectionOf(request.tenant, request.collection)
  // More than asked for: some will not fit, some are not relevant.
  const limit = request.topK * 2
  const { hits, indexId, embeddingVersion, timings } = await deps.search(collection, { query, limit, filter, rerank, requestId, signal })
  const relevant = hits.filter((hit) => isRelevant(hit, request.minScore, rerank === true))
  const from = performance.now()
  const passages = await fitPassages(relevant, await neighboursOf(deps.db, relevant.slice(0, request.topK)), {
    maxPassages: request.topK,
    tokenBudget: request.tokenBudget,
    countTokens: request.countTokens,
    signal,
  })
  const { nonce, text } = fencePassages(passages)
  const fit = performance.now() - from
  return { passages, fencedText: passages.length === 0 ? '' : text, nonce, timings: { ...timings, fit }, indexId, embeddingVersion }
}

/** Most of what the question's rare words ask for is in the chunk: relevant even where an embedding of common words disagrees. */
const coveringShare = 0.5
const defaultMinScore = 0.25

const isRelevant = (hit: Hit, minScore = defaultMinScore, rerankDecides: boolean): boolean =>
  hit.score >= minScore || (!rerankDecides && hit.coverage >= coveringShare)
