import { asc, eq } from 'drizzle-orm'
import { Hono } from 'hono'
import { type Collection, retrievalChunk } from '../db/schema/retrieval.ts'
import type { Attachment, Batch } from '../retrieval/attachments.ts'
import { type CollectionCounts, countDocuments } from '../retrieval/store/collections.ts'
import { readJson } from './body.ts'
import type { EdgeContext, Env } from './context.ts'
import { listJson } from './files-page.ts'
import { parse } from './schemas/parse.ts'
import type { VectorStoreDeps } from './vector-stores.ts'
import { attachBody, attributesBody, batchBody, listFilesQuery } from './vector-stores-schemas.ts'

/** `/v1/vector_stores/{id}/files` and `/file_batches`. A file is read in the background; its status and its failure are in the answers. */
export const vectorStoreFileRoutes = ({ retrieval, attachments, maxBodyBytes = 4 << 20 }: Omit<VectorStoreDeps, 'defaults'>): Hono<Env> => {
  const { db } = retrieval.deps.database
  const storeOf = (c: EdgeContext): Promise<Collection> => retrieval.collectionOf(c.get('principal').tenant, c.req.param('id') ?? '')
  const bodyOf = (c: EdgeContext) => readJson(c.req.raw, maxBodyBytes)
  const pageOf = async (c: EdgeContext, collection: Collection, batchId?: string) => {
    const { filter, ...page } = parse(listFilesQuery, c.req.query())
    return listJson(await attachments.list(collection, page, { status: filter, batchId }), page, (file) => fileJson(collection, file))
  }
  const batchJson = async (collection: Collection, batch: Batch) => toBatchJson(batch, await countDocuments(db, collection.id, batch.id))

  return new Hono<Env>()
    .post('/files', async (c) => {
      const body = parse(attachBody, await bodyOf(c))
      const collection = await storeOf(c)
      await attachments.attach(collection, [{ fileId: body.file_id, attributes: body.attributes ?? undefined }])
      return c.json(fileJson(collection, await attachments.attachmentOf(collection, body.file_id)))
    })
    .get('/files', async (c) => c.json(await pageOf(c, await storeOf(c))))
    .get('/files/:file_id', async (c) => {
      const collection = await storeOf(c)
      return c.json(fileJson(collection, await attachments.attachmentOf(collection, c.req.param('file_id'))), 200, pollSoon)
    })
    .post('/files/:file_id', async (c) => {
      const { attributes } = parse(attributesBody, await bodyOf(c))
      const collection = await storeOf(c)
      return c.json(fileJson(collection, await attachments.setAttributes(collection, c.req.param('file_id'), attributes ?? {})))
    })
    .delete('/files/:file_id', async (c) => {
      const fileId = c.req.param('file_id')
      await attachments.detach(await storeOf(c), fileId)
      return c.json({ id: fileId, object: 'vector_store.file.deleted', deleted: true })
    })
    .get('/files/:file_id/content', async (c) => {
      const { id } = await attachments.attachmentOf(await storeOf(c), c.req.param('file_id'))
      const chunks = await db
        .select({ text: retrievalChunk.text })
        .from(retrievalChunk)
        .where(eq(retrievalChunk.documentId, id))
        .orderBy(asc(retrievalChunk.ordinal))
      return c.json({
        object: 'vector_store.file_content.page',
        data: chunks.map(({ text }) => ({ type: 'text', text })),
        has_more: false,
        next_page: null,
      })
    })
    .post('/file_batches', async (c) => {
      const body = parse(batchBody, await bodyOf(c))
      const collection = await storeOf(c)
      const shared = body.attributes ?? undefined
      const files = body.files?.map((file) => ({ fileId: file.file_id, attributes: file.attributes ?? shared })) ?? []
      for (const fileId of body.file_ids ?? []) files.push({ fileId, attributes: shared })
      return c.json(await batchJson(collection, await attachments.createBatch(collection, files)))
    })
    .get('/file_batches/:batch_id', async (c) => {
      const collection = await storeOf(c)
      return c.json(await batchJson(collection, await attachments.batchOf(collection, c.req.param('batch_id'))), 200, pollSoon)
    })
    .post('/file_batches/:batch_id/cancel', async (c) => {
      const collection = await storeOf(c)
      return c.json(await batchJson(collection, await attachments.cancelBatch(collection, c.req.param('batch_id'))))
    })
    .get('/file_batches/:batch_id/files', async (c) => {
      const collection = await storeOf(c)
      const { id } = await attachments.batchOf(collection, c.req.param('batch_id'))
      return c.json(await pageOf(c, collection, id))
    })
}

/** OpenAI's SDK waits this long between two looks; its own default is five seconds. */
const pollSoon = { 'openai-poll-after-ms': '200' }

const fileJson = (collection: Collection, file: Attachment) => ({
  id: file.fileId,
  object: 'vector_store.file',
  usage_bytes: file.usageBytes,
  created_at: Math.floor(file.createdAtMs / 1000),
  vector_store_id: collection.id,
  status: file.status,
  last_error: file.errorMessage === null ? null : { code: errorCode(file.errorCode), message: file.errorMessage },
  chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: collection.maxChunkTokens, chunk_overlap_tokens: 0 } },
  attributes: file.attributes,
})

/** OpenAI knows three. */
const errorCode = (code: string | null): 'server_error' | 'unsupported_file' | 'invalid_file' => {
  if (code === 'invalid_request') return 'invalid_file'
  return code === 'payload_too_large' || code === 'unsupported_parameter' ? 'unsupported_file' : 'server_error'
}

const toBatchJson = (
  { id, collectionId, createdAtMs, cancelledAtMs }: Batch,
  { inProgress, completed, failed, cancelled }: CollectionCounts,
) => ({
  id,
  object: 'vector_store.files_batch',
  created_at: Math.floor(createdAtMs / 1000),
  vector_store_id: collectionId,
  status: cancelledAtMs !== null ? 'cancelled' : inProgress > 0 ? 'in_progress' : failed > 0 && completed === 0 ? 'failed' : 'completed',
  file_counts: { in_progress: inProgress, completed, failed, cancelled, total: inProgress + completed + failed + cancelled },
})
