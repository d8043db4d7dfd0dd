import { Hono } from 'hono'
import type { Collection, IndexRow } from '../db/schema/retrieval.ts'
import { AppError } from '../lib/errors.ts'
import type { Attachments } from '../retrieval/attachments.ts'
import { modelNamed } from '../retrieval/embedding.ts'
import type { Retrieval } from '../retrieval/retrieval.ts'
import {
  type CollectionCounts,
  countDocuments,
  createCollection,
  listCollections,
  updateCollection,
} from '../retrieval/store/collections.ts'
import { readJson } from './body.ts'
import type { EdgeContext, Env } from './context.ts'
import { listJson } from './files-page.ts'
import { parse } from './schemas/parse.ts'
import { vectorStoreFileRoutes } from './vector-stores-files.ts'
import { createStoreBody, listStoresQuery, searchBody, updateStoreBody } from './vector-stores-schemas.ts'
import { searchStore } from './vector-stores-search.ts'

export type VectorStoreDeps = {
  retrieval: Retrieval
  attachments: Attachments
  /** What new stores are made with. */
  defaults: () => { embedding: string; kind: IndexRow['kind'] }
  maxBodyBytes?: number | undefined
}

const dayMs = 24 * 3600 * 1000

/** `/v1/vector_stores` in OpenAI's shape: a store is a collection. */
export const vectorStoreRoutes = (deps: VectorStoreDeps): Hono<Env> => {
  const { retrieval, attachments, defaults, maxBodyBytes = 4 << 20 } = deps
  const { clock, database, models } = retrieval.deps
  const { db } = database
  const storeOf = (c: EdgeContext): Promise<Collection> => retrieval.collectionOf(c.get('principal').tenant, c.req.param('id') ?? '')
  const bodyOf = (c: EdgeContext) => readJson(c.req.raw, maxBodyBytes)
  const respond = async (collection: Collection) => storeJson(collection, await countDocuments(db, collection.id), clock())

  return new Hono<Env>()
    .post('/', async (c) => {
      const body = parse(createStoreBody, c.req.header('content-length') === '0' ? {} : await bodyOf(c))
      const { embedding, kind } = defaults()
      const strategy = body.chunking_strategy
      const collection = await createCollection(db, {
        tenant: c.get('principal').tenant,
        handle: null,
        name: body.name ?? null,
        description: body.description ?? null,
        metadata: body.metadata ?? {},
        expiresAfterDays: body.expires_after?.days ?? null,
        maxChunkTokens: strategy?.type === 'static' ? strategy.static.max_chunk_size_tokens : undefined,
        model: modelNamed(models, embedding),
        kind,
        nowMs: clock(),
      })
      if (body.file_ids)
        await attachments.attach(
          collection,
          body.file_ids.map((fileId) => ({ fileId })),
        )
      return c.json(await respond(collection))
    })
    .get('/', async (c) => {
      const page = parse(listStoresQuery, c.req.query())
      const collections = await listCollections(db, c.get('principal').tenant, page)
      const counts = new Map<string, CollectionCounts>()
      for (const { id } of collections) counts.set(id, await countDocuments(db, id))
      return c.json(listJson(collections, page, (collection) => storeJson(collection, counts.get(collection.id), clock())))
    })
    .get('/:id', async (c) => c.json(await respond(await storeOf(c))))
    .post('/:id', async (c) => {
      const body = parse(updateStoreBody, await bodyOf(c))
      const patch = {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.metadata === undefined ? {} : { metadata: body.metadata ?? {} }),
        ...(body.expires_after === undefined ? {} : { expiresAfterDays: body.expires_after?.days ?? null }),
        lastActiveAtMs: clock(),
      }
      return c.json(await respond(await updateCollection(db, await storeOf(c), patch)))
    })
    .delete('/:id', async (c) => {
      const collection = await storeOf(c)
      if (collection.handle !== null)
        throw new AppError('conflict', `the collection '${collection.handle}' belongs to the configuration: remove it there`)
      await retrieval.deleteCollection(collection)
      return c.json({ id: collection.id, object: 'vector_store.deleted', deleted: true })
    })
    .post('/:id/search', async (c) => {
      const body = parse(searchBody, await bodyOf(c))
      const collection = await storeOf(c)
      if (isExpired(collection, clock())) throw new AppError('invalid_request', 'the vector store has expired')
      // Expiry counts days; one write a minute says enough.
      if (clock() - collection.lastActiveAtMs > 60_000) await updateCollection(db, collection, { lastActiveAtMs: clock() })
      const { json, timings } = await searchStore(retrieval, collection, body, c.get('requestId'), c.req.raw.signal)
      const serverTiming = Object.entries(timings).map(([stage, ms]) => `${stage};dur=${ms.toFixed(2)}`)
      return c.json(json, 200, { 'server-timing': serverTiming.join(', '), 'x-request-id': c.get('requestId') })
    })
    .route('/:id', vectorStoreFileRoutes(deps))
}

export const isExpired = ({ expiresAfterDays, lastActiveAtMs }: Collection, nowMs: number): boolean =>
  expiresAfterDays !== null && nowMs > lastActiveAtMs + expiresAfterDays * dayMs

const storeJson = (collection: Collection, counts: CollectionCounts | undefined, nowMs: number) => {
  const { inProgress = 0, completed = 0, failed = 0, cancelled = 0, bytes = 0 } = counts ?? {}
  const { expiresAfterDays: days, lastActiveAtMs } = collection
  return {
    id: collection.id,
    object: 'vector_store',
    created_at: Math.floor(collection.createdAtMs / 1000),
    name: collection.name,
    description: collection.description,
    usage_bytes: bytes,
    file_counts: { in_progress: inProgress, completed, failed, cancelled, total: inProgress + completed + failed + cancelled },
    status: isExpired(collection, nowMs) ? 'expired' : inProgress > 0 ? 'in_progress' : 'completed',
    expires_after: days === null ? null : { anchor: 'last_active_at', days },
    expires_at: days === null ? null : Math.floor((lastActiveAtMs + days * dayMs) / 1000),
    last_active_at: Math.floor(lastActiveAtMs / 1000),
    metadata: collection.metadata,
  }
}
