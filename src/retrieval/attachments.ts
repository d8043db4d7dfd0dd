import { and, asc, desc, eq, isNotNull, type SQL } from 'drizzle-orm'
import {
  type Attributes,
  type Collection,
  type Document,
  retrievalBatch,
  retrievalCollection,
  retrievalDocument,
  retrievalDocumentVersion,
} from '../db/schema/retrieval.ts'
import { AppError, toAppError } from '../lib/errors.ts'
import { newId } from './ids.ts'
import type { Retrieval } from './retrieval.ts'
import { type PageRequest, pageConditions } from './store/collections.ts'
import { fileContent, fileOf } from './store/files.ts'

/** A file in a collection, with the size of its text. */
export type Attachment = Document & { fileId: string; usageBytes: number }

export type Batch = typeof retrievalBatch.$inferSelect

/** Uploaded files as documents of collections: attached at once, read in the background, a few at a time. */
export type Attachments = {
  attach(collection: Collection, files: { fileId: string; attributes?: Attributes | undefined }[], batchId?: string): Promise<void>
  createBatch(collection: Collection, files: { fileId: string; attributes?: Attributes | undefined }[]): Promise<Batch>
  batchOf(collection: Collection, batchId: string): Promise<Batch>
  cancelBatch(collection: Collection, batchId: string): Promise<Batch>
  attachmentOf(collection: Collection, fileId: string): Promise<Attachment>
  /** One more than the page's limit. */
  list(
    collection: Collection,
    page: PageRequest,
    where: { status?: Document['status'] | undefined; batchId?: string | undefined },
  ): Promise<Attachment[]>
  setAttributes(collection: Collection, fileId: string, attributes: Attributes): Promise<Attachment>
  detach(collection: Collection, fileId: string): Promise<void>
  /** Detaches a file from every collection of its tenant. */
  detachEverywhere(tenant: string, fileId: string): Promise<void>
  /** Takes up what a process that died left unread. */
  resume(): Promise<void>
  /** Resolves when nothing is being read; for tests and shutdown. */
  idle(): Promise<void>
  close(): Promise<void>
}

export const createAttachments = (retrieval: Retrieval, { concurrency = 2 } = {}): Attachments => {
  const { database, clock, log } = retrieval.deps
  const { db } = database
  const stopping = new AbortController()
  const waiting: { collection: Collection; fileId: string }[] = []
  let running = 0
  let whenIdle: (() => void)[] = []

  const turn = () => {
    while (running < concurrency && !stopping.signal.aborted) {
      const next = waiting.shift()
      if (next === undefined) break
      running += 1
      void read(next.collection, next.fileId).finally(() => {
        running -= 1
        turn()
      })
    }
    if (running > 0 || (waiting.length > 0 && !stopping.signal.aborted)) return
    for (const resolve of whenIdle.splice(0)) resolve()
  }
  const read = async (collection: Collection, fileId: string) => {
    try {
      const [document] = await db.select().from(retrievalDocument).where(inCollection(collection, fileId))
      if (document?.status !== 'in_progress') return
      const { filename } = await fileOf(db, collection.tenant, fileId)
      const bytes = await fileContent(db, collection.tenant, fileId)
      await retrieval.ingest(
        collection,
        { externalId: fileId, filename, bytes, source: 'upload', title: filename, fileId },
        stopping.signal,
      )
    } catch (thrown) {
      const { code, message, cause } = toAppError(thrown)
      // Left in progress: the next start takes it up.
      if (stopping.signal.aborted) return
      log('warn', 'an uploaded file could not be read', { collection: collection.id, file: fileId, code, message, cause: String(cause) })
      await fail(collection, fileId, code, message).catch(() => undefined)
    }
  }
  const fail = (collection: Collection, fileId: string, errorCode: string, errorMessage: string) =>
    db
      .update(retrievalDocument)
      .set({ status: 'failed', errorCode, errorMessage, updatedAtMs: clock() })
      .where(inCollection(collection, fileId))
  const select = (where: SQL | undefined) =>
    db
      .select({ document: retrievalDocument, usageBytes: retrievalDocumentVersion.bytes })
      .from(retrievalDocument)
      .leftJoin(retrievalDocumentVersion, eq(retrievalDocumentVersion.id, retrievalDocument.versionId))
      .where(and(isNotNull(retrievalDocument.fileId), where))
  const toAttachment = ({ document, usageBytes }: { document: Document; usageBytes: number | null }): Attachment => ({
    ...document,
    fileId: document.fileId ?? '',
    usageBytes: usageBytes ?? 0,
  })

  const attachments: Attachments = {
    async attach(collection, files, batchId) {
      // All of them exist, or none is attached.
      for (const { fileId } of files) await fileOf(db, collection.tenant, fileId)
      const nowMs = clock()
      for (const { fileId, attributes } of files) {
        const row = {
          id: newId('document'),
          tenant: collection.tenant,
          collectionId: collection.id,
          externalId: fileId,
          source: 'upload',
          fileId,
          batchId: batchId ?? null,
          attributes: attributes ?? {},
          status: 'in_progress' as const,
          createdAtMs: nowMs,
          updatedAtMs: nowMs,
        }
        const again = {
          status: 'in_progress' as const,
          batchId: batchId ?? null,
          updatedAtMs: nowMs,
          ...(attributes === undefined ? {} : { attributes }),
        }
        await db
          .insert(retrievalDocument)
          .values(row)
          .onConflictDoUpdate({ target: [retrievalDocument.collectionId, retrievalDocument.externalId], set: again })
        waiting.push({ collection, fileId })
      }
      turn()
    },
    async createBatch(collection, files) {
      const batch = {
        id: newId('batch'),
        tenant: collection.tenant,
        collectionId: collection.id,
        cancelledAtMs: null,
        createdAtMs: clock(),
      }
      await db.insert(retrievalBatch).values(batch)
      await attachments.attach(collection, files, batch.id)
      return batch
    },
    async batchOf({ id }, batchId) {
      const [batch] = await db
        .select()
        .from(retrievalBatch)
        .where(and(eq(retrievalBatch.id, batchId), eq(retrievalBatch.collectionId, id)))
      if (batch === undefined) throw new AppError('not_found', `there is no file batch '${batchId}'`)
      return batch
    },
    async cancelBatch(collection, batchId) {
      const batch = await attachments.batchOf(collection, batchId)
      const unread = and(eq(retrievalDocument.batchId, batchId), eq(retrievalDocument.status, 'in_progress'))
      await db.update(retrievalDocument).set({ status: 'cancelled', updatedAtMs: clock() }).where(unread)
      const cancelledAtMs = batch.cancelledAtMs ?? clock()
      await db.update(retrievalBatch).set({ cancelledAtMs }).where(eq(retrievalBatch.id, batchId))
      return { ...batch, cancelledAtMs }
    },
    async attachmentOf(collection, fileId) {
      const [found] = await select(inCollection(collection, fileId))
      if (found === undefined) throw new AppError('not_found', `the file '${fileId}' is not in this vector store`)
      return toAttachment(found)
    },
    async list({ id }, page, { status, batchId }) {
      const found = await select(
        and(
          eq(retrievalDocument.collectionId, id),
          status === undefined ? undefined : eq(retrievalDocument.status, status),
          batchId === undefined ? undefined : eq(retrievalDocument.batchId, batchId),
          ...pageConditions(retrievalDocument.fileId, page),
        ),
      )
        .orderBy(page.order === 'asc' ? asc(retrievalDocument.fileId) : desc(retrievalDocument.fileId))
        .limit(page.limit + 1)
      return found.map(toAttachment)
    },
    async setAttributes(collection, fileId, attributes) {
      await db.update(retrievalDocument).set({ attributes, updatedAtMs: clock() }).where(inCollection(collection, fileId))
      return attachments.attachmentOf(collection, fileId)
    },
    async detach(collection, fileId) {
      const { id } = await attachments.attachmentOf(collection, fileId)
      await retrieval.deleteDocument(collection, id)
    },
    async detachEverywhere(tenant, fileId) {
      const owned = and(eq(retrievalDocument.tenant, tenant), eq(retrievalDocument.fileId, fileId))
      for (const { collectionId } of await db.select({ collectionId: retrievalDocument.collectionId }).from(retrievalDocument).where(owned))
        await attachments.detach(await retrieval.collectionOf(tenant, collectionId), fileId)
    },
    async resume() {
      const unread = await db
        .select({ fileId: retrievalDocument.fileId, collection: retrievalCollection })
        .from(retrievalDocument)
        .innerJoin(retrievalCollection, eq(retrievalCollection.id, retrievalDocument.collectionId))
        .where(and(eq(retrievalDocument.status, 'in_progress'), isNotNull(retrievalDocument.fileId)))
      for (const { fileId, collection } of unread) if (fileId !== null) waiting.push({ collection, fileId })
      turn()
    },
    idle: () => (running === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))),
    async close() {
      stopping.abort()
      waiting.length = 0
      await attachments.idle()
      whenIdle = []
    },
  }
  return attachments
}

const inCollection = ({ id }: Collection, fileId: string) =>
  and(eq(retrievalDocument.collectionId, id), eq(retrievalDocument.fileId, fileId))
