import { and, eq, inArray } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { type Collection, type IndexRow, retrievalChunk, retrievalDocument, retrievalEntry } from '../db/schema/retrieval.ts'
import { AppError } from '../lib/errors.ts'
import { type EmbeddingModel, modelOfVersion } from './embedding.ts'
import type { LiveIndex } from './index/live-index.ts'
import { meanOf, ndcgAt, recallAt } from './ranking-metrics.ts'
import type { Retrieval } from './retrieval.ts'
import { indexesOf } from './store/collections.ts'

/** A question for comparing two indexes; `gains` by external id where somebody judged. */
export type ComparisonQuery = { query: string; gains?: { [externalId: string]: number } | undefined }

export type Comparison = {
  queries: number
  /** Of the candidate's search against exact search over the same vectors: what the index itself loses. */
  recallAt10: number | null
  /** Mean share of the first ten chunks that both indexes name. */
  overlapAt10: number | null
  /** Null without judgements. */
  ndcgAt10: { active: number | null; candidate: number | null }
}

/** Searches both indexes with the same questions. Each question is embedded by each index's own model. */
export const compareIndexes = async (
  retrieval: Retrieval,
  collection: Collection,
  candidateId: string,
  queries: readonly ComparisonQuery[],
  signal: AbortSignal,
): Promise<Comparison> => {
  const { database, models } = retrieval.deps
  const rows = await indexesOf(database.db, collection.id)
  const [active, candidate] = [collection.activeIndexId, candidateId].map((id) => rows.find((row) => row.id === id))
  if (active === undefined || candidate === undefined) throw new AppError('not_found', 'there is no such index in this collection')
  const sides = await Promise.all(
    [active, candidate].map(async (row) => ({
      row,
      live: await retrieval.indexes.of(row),
      model: modelOfVersion(models, row.embeddingVersion, row.embeddingModel),
    })),
  )
  const labels = await labelsOf(database.db, candidate.id)
  const measured: { recall: number | null; overlap: number | null; active: number | null; candidate: number | null }[] = []
  for (const { query, gains } of queries) {
    signal.throwIfAborted()
    const [before, after] = (await Promise.all(
      sides.map((side) => topChunks(database.db, side, query, side.row === candidate ? labels : [], signal)),
    )) as [Top, Top]
    const judged = gains === undefined ? undefined : new Map(Object.entries(gains))
    measured.push({
      recall: recallAt(after.found, new Set(after.exact), 10),
      overlap: recallAt(after.found, new Set(before.found), 10),
      active: judged === undefined ? null : ndcgAt(before.documents, judged, 10),
      candidate: judged === undefined ? null : ndcgAt(after.documents, judged, 10),
    })
  }
  const mean = (of: keyof (typeof measured)[number]) => meanOf(measured.map((entry) => entry[of]))
  return {
    queries: queries.length,
    recallAt10: mean('recall'),
    overlapAt10: mean('overlap'),
    ndcgAt10: { active: mean('active'), candidate: mean('candidate') },
  }
}

type Side = { row: IndexRow; live: LiveIndex; model: EmbeddingModel }
type Top = { found: string[]; exact: string[]; documents: string[] }

const topChunks = async (
  db: Database,
  { row, live, model }: Side,
  query: string,
  labels: readonly number[],
  signal: AbortSignal,
): Promise<Top> => {
  const { vectors } = await model.embedder.embed({ texts: [query], purpose: 'query', tenant: row.tenant, requestId: row.id, signal })
  const vector = vectors[0]
  if (vector === undefined) throw new AppError('upstream_failed', 'the embedding model gave no vector')
  const found = (await live.vectors.search(vector, 30, signal)).map(({ label }) => label)
  const exact = (await live.vectors.searchAmong(vector, 10, [...labels], signal)).map(({ label }) => label)
  const chunks = await db
    .select({ label: retrievalEntry.label, id: retrievalChunk.id, externalId: retrievalDocument.externalId })
    .from(retrievalEntry)
    .innerJoin(retrievalChunk, eq(retrievalChunk.id, retrievalEntry.chunkId))
    .innerJoin(retrievalDocument, eq(retrievalDocument.id, retrievalChunk.documentId))
    .where(and(eq(retrievalEntry.indexId, row.id), inArray(retrievalEntry.label, [...found, ...exact, -1])))
  const byLabel = new Map(chunks.map((chunk) => [chunk.label, chunk]))
  const idsOf = (ranked: number[]) => ranked.flatMap((label) => byLabel.get(label)?.id ?? []).slice(0, 10)
  const documents = new Set(found.flatMap((label) => byLabel.get(label)?.externalId ?? []))
  return { found: idsOf(found), exact: idsOf(exact), documents: [...documents] }
}

const labelsOf = async (db: Database, indexId: string): Promise<number[]> =>
  (await db.select({ label: retrievalEntry.label }).from(retrievalEntry).where(eq(retrievalEntry.indexId, indexId))).map(
    ({ label }) => label,
  )
