import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseHandle } from '../db/database.ts'
import type { Collection, IndexRow } from '../db/schema/retrieval.ts'
import type { EngineLog } from '../engine/supervisor.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import type { Reranker } from '../models/reranker.ts'
import { type EmbeddingModels, modelNamed } from './embedding.ts'
import { createIndexHost } from './index/hosted.ts'
import { createLiveIndexes, type LiveIndexes } from './index/live-indexes.ts'
import { pgvectorIndex } from './index/pgvector.ts'
import { type IncomingDocument, type IngestResult, ingestDocument, pipelineOf } from './ingest.ts'
import { createParser, type Parse, parserVersion } from './parse/parser.ts'
import { type Retrieved, type RetrieveRequest, retrieve } from './retrieve.ts'
import { type SearchRequest, type SearchResult, search } from './search.ts'
import { collectionOf, createCollection, deleteCollection, findCollection } from './store/collections.ts'
import { deleteDocument } from './store/commit.ts'

export type RetrievalDeps = {
  database: Pick<DatabaseHandle, 'db' | 'listen'>
  /** Snapshots and scratch files go under `<stateDir>/retrieval`. */
  stateDir: string
  models: EmbeddingModels
  reranker?: (() => Reranker | undefined) | undefined
  /** Whose collections routes may read on behalf of every tenant: those that the configuration declares. */
  sharedTenant: string
  log: EngineLog
  clock: Clock
  /** How soon a change on another replica is found when its NOTIFY was lost. */
  pollMs?: number | undefined
}

export type CollectionSettings = { embedding: string; kind: IndexRow['kind']; maxChunkTokens?: number | undefined }

/** Documents in, passages out. Children start with the first document and the first search. */
export type Retrieval = {
  readonly deps: RetrievalDeps
  readonly indexes: LiveIndexes
  readonly parse: Parse
  /** By id or handle. Throws `not_found`, for another tenant's too. */
  collectionOf(tenant: string, idOrHandle: string): Promise<Collection>
  /** The collection under this handle, made when it is not there. */
  ensureCollection(tenant: string, handle: string, settings: CollectionSettings): Promise<Collection>
  deleteCollection(collection: Collection): Promise<void>
  /** Hash of parser, chunker and settings: a document cut under another one is stale. */
  pipelineOf(collection: Collection): string
  ingest(collection: Collection, document: IncomingDocument, signal: AbortSignal): Promise<IngestResult>
  /** False when it was gone already. */
  deleteDocument(collection: Collection, documentId: string): Promise<boolean>
  search(collection: Collection, request: SearchRequest): Promise<SearchResult>
  /** For routes: the tenant's own collection of that name, else the shared one. */
  retrieve(request: RetrieveRequest): Promise<Retrieved>
  close(): Promise<void>
}

export const createRetrieval = (deps: RetrievalDeps): Retrieval => {
  const { models, clock, log } = deps
  const { db, listen } = deps.database
  const root = join(deps.stateDir, 'retrieval')
  const scratchDir = join(root, 'scratch')
  mkdirSync(scratchDir, { recursive: true })
  const host = createIndexHost({ cacheDir: scratchDir, log })
  const parser = createParser({ scratchDir, log })
  const indexes = createLiveIndexes({
    db,
    listen,
    host,
    snapshotsDir: join(root, 'indexes'),
    pgvector: (row) => pgvectorIndex(db, row),
    pollMs: deps.pollMs ?? 5000,
    warn: (message, details) => log('warn', message, details),
  })
  const ingestDeps = { db, models, parse: parser.parse, parserVersion, changed: indexes.changed, clock }
  const searchDeps = { db, models, indexes, reranker: deps.reranker }
  const sharedOr = async (tenant: string, idOrHandle: string) =>
    (await findCollection(db, tenant, idOrHandle)) ?? (await collectionOf(db, deps.sharedTenant, idOrHandle))

  return {
    deps,
    indexes,
    parse: parser.parse,
    collectionOf: (tenant, idOrHandle) => collectionOf(db, tenant, idOrHandle),
    async ensureCollection(tenant, handle, { embedding, kind, maxChunkTokens }) {
      const existing = await findCollection(db, tenant, handle)
      if (existing !== undefined) return existing
      const model = modelNamed(models, embedding)
      try {
        return await createCollection(db, { tenant, handle, name: handle, maxChunkTokens, model, kind, nowMs: clock() })
      } catch (error) {
        // Another process was first.
        if (error instanceof AppError && error.code === 'conflict') return collectionOf(db, tenant, handle)
        throw error
      }
    },
    async deleteCollection(collection) {
      for (const row of await deleteCollection(db, collection)) await indexes.forget(row)
    },
    pipelineOf: (collection) => pipelineOf(collection, parserVersion),
    ingest: (collection, document, signal) => ingestDocument(ingestDeps, collection, document, signal),
    async deleteDocument(collection, documentId) {
      const rows = await deleteDocument(db, collection, documentId, clock())
      await indexes.changed(rows ?? [])
      return rows !== undefined
    },
    search: (collection, request) => search(searchDeps, collection, request),
    retrieve: (request) =>
      retrieve({ db, collectionOf: sharedOr, search: (collection, inner) => search(searchDeps, collection, inner) }, request),
    async close() {
      await indexes.close()
      await host.close()
      await parser.close()
    },
  }
}
