import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Collection, IndexRow } from '../db/schema/retrieval.ts'
import { compareIndexes } from '../retrieval/compare-indexes.ts'
import { backfill, dropIndex, startReindex, switchIndex } from '../retrieval/reindex.ts'
import type { Retrieval } from '../retrieval/retrieval.ts'
import { fetchDocument } from '../retrieval/source/fetch-url.ts'
import { ingestTree, type TreeProgress, type TreeSummary } from '../retrieval/source/tree.ts'
import { countDocuments, indexesOf, listCollections } from '../retrieval/store/collections.ts'
import { actorOf } from './admin/actor.ts'
import { documented } from './admin/documented.ts'
import { lines } from './admin/lines.ts'
import type { Env } from './context.ts'

export type CollectionRouteDeps = {
  retrieval: Retrieval
  /** What a collection is made with when it is not in the configuration. */
  defaults: () => { embedding: string; kind: IndexRow['kind'] }
}

const indexKinds = ['hnsw', 'exact', 'pgvector'] as const
const tenant = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe("the shared tenant when absent: collections that every tenant's routes may read")
const reason = z.string().trim().min(1).max(1000)

const ingestBody = z.strictObject({
  source: z.string().min(1).describe('a folder or file on the machine of the server, or an http(s) address'),
  tenant,
  prune: z.boolean().default(false).describe('delete documents that came from this folder and are not in it any more'),
})
const reindexBody = z.strictObject({ embedding: z.string().min(1), kind: z.enum(indexKinds).default('hnsw'), tenant })
const compareBody = z.strictObject({
  candidate: z.string().min(1),
  tenant,
  queries: z
    .array(z.strictObject({ query: z.string().min(1), gains: z.record(z.string(), z.number().nonnegative()).optional() }))
    .min(1)
    .max(1000),
})
const switchBody = z.strictObject({ to: z.string().min(1), expected: z.string().min(1), tenant, reason })
const dropBody = z.strictObject({ index: z.string().min(1), tenant, reason })
const tenantQuery = z.strictObject({ tenant })

/** Under 40 s, which is what proxies wait for a first byte at the least. */
const fetchLimits = { maxBytes: 32 << 20, timeoutMs: 30_000 }

/** `/admin/collections`: what `weir ingest` and `weir collections …` do. Long work answers with one JSON object per line. */
export const collectionRoutes = ({ retrieval, defaults }: CollectionRouteDeps): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  const tag = 'collections'
  const { database, sharedTenant, clock } = retrieval.deps
  const { db } = database
  const collectionOf = (path: (name: string) => string, owner: string | undefined) =>
    retrieval.collectionOf(owner ?? sharedTenant, path('collection'))

  documented(
    app,
    'get',
    '/',
    {
      tag,
      summary: 'Every collection of a tenant with its indexes',
      query: tenantQuery,
      response: { description: 'Collections, newest first' },
    },
    async (c, { query }) => {
      const collections = await listCollections(db, query.tenant ?? sharedTenant, { limit: 1000, order: 'desc' })
      return c.json({ object: 'list', data: await Promise.all(collections.map((collection) => describe(retrieval, collection))) })
    },
  )
  documented(
    app,
    'post',
    '/{collection}/ingest',
    {
      tag,
      summary: 'Bring a folder, a file or an address into a collection, which is made when it is not there',
      body: ingestBody,
      response: { description: 'Progress, then the summary', type: 'application/x-ndjson' },
    },
    async (c, { body, path }) => {
      const collection = await retrieval.ensureCollection(body.tenant ?? sharedTenant, path('collection'), defaults())
      return lines(c, async (line, signal) => {
        const onProgress = ({ done, total, result }: TreeProgress) =>
          line({ type: 'progress', done, total, document: result.externalId, outcome: result.outcome, error: result.error })
        const summary = /^https?:\/\//i.test(body.source)
          ? await ingestUrl(retrieval, collection, body.source, onProgress, signal)
          : await ingestTree(retrieval, collection, { path: body.source, prune: body.prune, onProgress }, signal)
        const { failures, ...counts } = summary
        line({
          type: 'done',
          collection: collection.id,
          ...counts,
          failures: failures.map(({ externalId, message }) => ({ document: externalId, message })),
        })
      })
    },
  )
  documented(
    app,
    'post',
    '/{collection}/reindex',
    {
      tag,
      summary: 'Build an index with another embedding model beside the one that serves',
      body: reindexBody,
      response: { description: 'Progress, then the index', type: 'application/x-ndjson' },
    },
    async (c, { body, path }) => {
      const collection = await collectionOf(path, body.tenant)
      const row = await startReindex(retrieval, collection, body.embedding, body.kind)
      return lines(c, async (line, signal) => {
        await backfill(retrieval, row, ({ done, total }) => line({ type: 'progress', done, total }), signal)
        line({ type: 'done', collection: collection.id, index: row.id })
      })
    },
  )
  documented(
    app,
    'post',
    '/{collection}/compare',
    {
      tag,
      summary: 'Measure a candidate index against the active one on a set of questions',
      body: compareBody,
      response: { description: 'recall@10 against exact search, overlap@10, nDCG@10 where judged' },
    },
    async (c, { body, path }) => {
      const collection = await collectionOf(path, body.tenant)
      const { queries, recallAt10, overlapAt10, ndcgAt10 } = await compareIndexes(
        retrieval,
        collection,
        body.candidate,
        body.queries,
        c.req.raw.signal,
      )
      return c.json({ queries, recall_at_10: recallAt10, overlap_at_10: overlapAt10, ndcg_at_10: ndcgAt10 })
    },
  )
  documented(
    app,
    'post',
    '/{collection}/switch',
    { tag, summary: 'Let queries read another index, forward or back', body: switchBody, response: { description: 'The collection' } },
    async (c, { body, path }) => {
      const collection = await collectionOf(path, body.tenant)
      await switchIndex(db, collection, body.to, body.expected, { actor: actorOf(c), reason: body.reason }, clock())
      return c.json(await describe(retrieval, await collectionOf(path, body.tenant)))
    },
  )
  documented(
    app,
    'post',
    '/{collection}/drop-index',
    { tag, summary: 'Drop an index that does not serve', body: dropBody, response: { description: 'The collection' } },
    async (c, { body, path }) => {
      const collection = await collectionOf(path, body.tenant)
      await dropIndex(retrieval, collection, body.index, { actor: actorOf(c), reason: body.reason })
      return c.json(await describe(retrieval, collection))
    },
  )
  return app
}

const ingestUrl = async (
  retrieval: Retrieval,
  collection: Collection,
  source: string,
  onProgress: (progress: TreeProgress) => void,
  signal: AbortSignal,
): Promise<TreeSummary> => {
  const { bytes, filename, url } = await fetchDocument(source, fetchLimits, signal)
  const result = await retrieval.ingest(collection, { externalId: source, filename, bytes, source: url }, signal)
  onProgress({ done: 1, total: 1, result })
  const counts = { added: 0, updated: 0, unchanged: 0, failed: 0, deleted: 0, [result.outcome]: 1 }
  return { total: 1, ...counts, failures: result.error === null ? [] : [{ externalId: source, message: result.error.message }] }
}

const describe = async (retrieval: Retrieval, collection: Collection) => {
  const { db } = retrieval.deps.database
  const counts = await countDocuments(db, collection.id)
  const indexes = await indexesOf(db, collection.id)
  return {
    id: collection.id,
    name: collection.handle ?? collection.name,
    documents: counts.completed,
    failed: counts.failed,
    chunks: counts.chunks,
    max_chunk_tokens: collection.maxChunkTokens,
    active_index: collection.activeIndexId,
    indexes: indexes.map(({ id, kind, state, embeddingModel, dimensions, createdAtMs }) => ({
      id,
      kind,
      state,
      embedding: embeddingModel,
      dimensions,
      created_at: new Date(createdAtMs).toISOString(),
    })),
  }
}
