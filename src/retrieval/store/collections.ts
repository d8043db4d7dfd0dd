import { and, asc, desc, eq, gt, lt, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { type Collection, type IndexRow, retrievalCollection, type retrievalDocument, retrievalIndex } from '../../db/schema/retrieval.ts'
import { AppError } from '../../lib/errors.ts'
import type { EmbeddingModel } from '../embedding.ts'
import { newId } from '../ids.ts'

export type NewCollection = {
  tenant: string
  handle: string | null
  name: string | null
  description?: string | null
  metadata?: { [key: string]: string }
  maxChunkTokens?: number | undefined
  expiresAfterDays?: number | null
  model: EmbeddingModel
  kind: IndexRow['kind']
  nowMs: number
}

/** 320 sits inside the 256–400 that suits models that read 512. */
export const defaultChunking = { maxChunkTokens: 320, minChunkTokens: 80 } as const

/** A collection with its first index. Throws `conflict` when the tenant has one under this handle. */
export const createCollection = async (db: Database, options: NewCollection): Promise<Collection> => {
  const { tenant, handle, nowMs } = options
  const id = newId('collection')
  const indexId = newId('index')
  const maxChunkTokens = Math.min(options.maxChunkTokens ?? defaultChunking.maxChunkTokens, options.model.embedder.maxTokens - 16)
  const created = await db.transaction(async (tx) => {
    const [collection] = await tx
      .insert(retrievalCollection)
      .values({
        id,
        tenant,
        handle,
        name: options.name,
        description: options.description ?? null,
        metadata: options.metadata ?? {},
        maxChunkTokens,
        minChunkTokens: Math.min(defaultChunking.minChunkTokens, maxChunkTokens >> 1),
        textConfig: 'english',
        activeIndexId: indexId,
        expiresAfterDays: options.expiresAfterDays ?? null,
        lastActiveAtMs: nowMs,
        createdAtMs: nowMs,
      })
      .onConflictDoNothing()
      .returning()
    if (collection === undefined) return undefined
    await tx.insert(retrievalIndex).values(newIndex(indexId, collection, options.model, options.kind, 'active', nowMs))
    return collection
  })
  if (created === undefined) throw new AppError('conflict', `there is a collection '${handle}' already`, { param: 'name' })
  return created
}

export const newIndex = (
  id: string,
  { tenant, id: collectionId }: Pick<Collection, 'tenant' | 'id'>,
  { embedder, version }: EmbeddingModel,
  kind: IndexRow['kind'],
  state: IndexRow['state'],
  nowMs: number,
) => ({
  id,
  tenant,
  collectionId,
  embeddingVersion: version,
  embeddingModel: embedder.id,
  dimensions: embedder.dimensions,
  kind,
  state,
  createdAtMs: nowMs,
})

/** By id or handle, of this tenant only: another tenant's id is as unknown as one that never was. */
export const collectionOf = async (db: Database, tenant: string, idOrHandle: string): Promise<Collection> => {
  const found = await findCollection(db, tenant, idOrHandle)
  if (found === undefined) throw new AppError('not_found', `there is no collection '${idOrHandle}'`)
  return found
}

export const findCollection = async (db: Database, tenant: string, idOrHandle: string): Promise<Collection | undefined> => {
  const named = or(eq(retrievalCollection.id, idOrHandle), eq(retrievalCollection.handle, idOrHandle))
  const [found] = await db
    .select()
    .from(retrievalCollection)
    .where(and(eq(retrievalCollection.tenant, tenant), named))
    .limit(1)
  return found
}

export type PageRequest = { limit: number; order: 'asc' | 'desc'; after?: string | undefined; before?: string | undefined }

/** One more than `limit`, so that the caller sees whether there are more. */
export const listCollections = (db: Database, tenant: string, page: PageRequest): Promise<Collection[]> =>
  db
    .select()
    .from(retrievalCollection)
    .where(and(eq(retrievalCollection.tenant, tenant), ...pageConditions(retrievalCollection.id, page)))
    .orderBy(page.order === 'asc' ? asc(retrievalCollection.id) : desc(retrievalCollection.id))
    .limit(page.limit + 1)

/** Ids sort by time of making, so they are the cursor. */
export const pageConditions = (
  id: typeof retrievalCollection.id | typeof retrievalDocument.fileId,
  { order, after, before }: PageRequest,
) => [
  after === undefined ? undefined : order === 'asc' ? gt(id, after) : lt(id, after),
  before === undefined ? undefined : order === 'asc' ? lt(id, before) : gt(id, before),
]

export type CollectionPatch = Partial<Pick<Collection, 'name' | 'metadata' | 'expiresAfterDays' | 'lastActiveAtMs'>>

export const updateCollection = async (db: Database, { tenant, id }: Collection, patch: CollectionPatch): Promise<Collection> => {
  const own = and(eq(retrievalCollection.tenant, tenant), eq(retrievalCollection.id, id))
  const [updated] = await db.update(retrievalCollection).set(patch).where(own).returning()
  if (updated === undefined) throw new AppError('not_found', `there is no collection '${id}'`)
  return updated
}

/** With everything in it. The indexes that held it are returned, for their hosts to forget. */
export const deleteCollection = (db: Database, { tenant, id }: Collection): Promise<IndexRow[]> =>
  db.transaction(async (tx) => {
    const indexes = await tx.select().from(retrievalIndex).where(eq(retrievalIndex.collectionId, id))
    await tx.delete(retrievalCollection).where(and(eq(retrievalCollection.tenant, tenant), eq(retrievalCollection.id, id)))
    return indexes
  })

export const indexesOf = (db: Database, collectionId: string): Promise<IndexRow[]> =>
  db.select().from(retrievalIndex).where(eq(retrievalIndex.collectionId, collectionId)).orderBy(asc(retrievalIndex.id))

/** The index that queries read now. */
export const activeIndexOf = async (db: Database, { id, activeIndexId }: Collection): Promise<IndexRow> => {
  const found = (await indexesOf(db, id)).find((index) => index.id === activeIndexId)
  if (found === undefined) throw new AppError('not_found', `the collection '${id}' has no index`)
  return found
}

export type CollectionCounts = { inProgress: number; completed: number; failed: number; cancelled: number; bytes: number; chunks: number }

export const countDocuments = async (db: Database, collectionId: string, batchId?: string): Promise<CollectionCounts> => {
  const batch = batchId === undefined ? sql`` : sql` and d.batch_id = ${batchId}`
  const [row] = await db.execute<{ [key: string]: string | number }>(sql`
    select
      count(*) filter (where status = 'in_progress') as in_progress,
      count(*) filter (where status = 'completed') as completed,
      count(*) filter (where status = 'failed') as failed,
      count(*) filter (where status = 'cancelled') as cancelled,
      coalesce(sum(v.bytes), 0) as bytes,
      coalesce(sum(v.chunks), 0) as chunks
    from retrieval_document d left join retrieval_document_version v on v.id = d.version_id
    where d.collection_id = ${collectionId}${batch}`)
  const number = (key: string) => Number(row?.[key] ?? 0)
  return {
    inProgress: number('in_progress'),
    completed: number('completed'),
    failed: number('failed'),
    cancelled: number('cancelled'),
    bytes: number('bytes'),
    chunks: number('chunks'),
  }
}
