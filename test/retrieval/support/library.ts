import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Collection } from '../../../src/db/schema/retrieval.ts'
import type { EmbeddingModel } from '../../../src/retrieval/embedding.ts'
import { createRetrieval, type Retrieval, type RetrievalDeps } from '../../../src/retrieval/retrieval.ts'
import { hashEmbedder } from './hash-embedder.ts'

export const never = new AbortController().signal

/** A retrieval room over this database, closed after the file's tests. */
export const openLibrary = (
  database: RetrievalDeps['database'],
  options: { stateDir?: string; models?: EmbeddingModel[]; log?: RetrievalDeps['log'] } = {},
): Retrieval & { stateDir: string } => {
  const stateDir = options.stateDir ?? scratchDir()
  const models = options.models ?? [hashEmbedder()]
  const retrieval = createRetrieval({
    database,
    stateDir,
    models: () => models,
    sharedTenant: 'default',
    log: options.log ?? (() => undefined),
    clock: () => Date.now(),
    pollMs: 200,
  })
  afterAll(() => retrieval.close())
  return { ...retrieval, stateDir }
}

export const scratchDir = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'weir-retrieval-'))
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export const put = (retrieval: Retrieval, collection: Collection, externalId: string, text: string | Uint8Array, more: object = {}) =>
  retrieval.ingest(
    collection,
    { externalId, filename: externalId, bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text, source: 'test', ...more },
    never,
  )

export const find = async (retrieval: Retrieval, collection: Collection, query: string, more: object = {}) =>
  (await retrieval.search(collection, { query, limit: 5, requestId: 'test', signal: never, ...more })).hits
