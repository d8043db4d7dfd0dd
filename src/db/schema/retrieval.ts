import { bigint, customType, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytea, epochMs } from '../columns.ts'

/** Tables of `migrations/0004_retrieval.sql`. */
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })

export type Attributes = { [key: string]: string | number | boolean }

export const retrievalCollection = pgTable('retrieval_collection', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  handle: text('handle'),
  name: text('name'),
  description: text('description'),
  metadata: jsonb('metadata').$type<{ [key: string]: string }>().notNull(),
  maxChunkTokens: integer('max_chunk_tokens').notNull(),
  minChunkTokens: integer('min_chunk_tokens').notNull(),
  textConfig: text('text_config').notNull(),
  activeIndexId: text('active_index_id'),
  expiresAfterDays: integer('expires_after_days'),
  lastActiveAtMs: epochMs('last_active_at').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})

export const retrievalIndex = pgTable('retrieval_index', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  collectionId: text('collection_id').notNull(),
  embeddingVersion: text('embedding_version').notNull(),
  embeddingModel: text('embedding_model').notNull(),
  dimensions: integer('dimensions').notNull(),
  kind: text('kind').$type<'hnsw' | 'exact' | 'pgvector'>().notNull(),
  state: text('state').$type<'building' | 'active' | 'standby'>().notNull(),
  nextLabel: integer('next_label').notNull().default(0),
  lastSeq: bigint('last_seq', { mode: 'number' }).notNull().default(0),
  createdAtMs: epochMs('created_at').notNull(),
  switchedAtMs: epochMs('switched_at'),
})

export const retrievalFile = pgTable('retrieval_file', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  filename: text('filename').notNull(),
  purpose: text('purpose').notNull(),
  bytes: integer('bytes').notNull(),
  sha256: text('sha256').notNull(),
  content: bytea('content').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})

export const retrievalBatch = pgTable('retrieval_batch', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  collectionId: text('collection_id').notNull(),
  cancelledAtMs: epochMs('cancelled_at'),
  createdAtMs: epochMs('created_at').notNull(),
})

export const retrievalDocument = pgTable('retrieval_document', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  collectionId: text('collection_id').notNull(),
  externalId: text('external_id').notNull(),
  source: text('source').notNull(),
  fileId: text('file_id'),
  batchId: text('batch_id'),
  title: text('title'),
  attributes: jsonb('attributes').$type<Attributes>().notNull(),
  status: text('status').$type<'in_progress' | 'completed' | 'failed' | 'cancelled'>().notNull(),
  errorCode: text('error_code'),
  errorMessage: text('error_message'),
  versionId: text('version_id'),
  version: integer('version').notNull().default(0),
  createdAtMs: epochMs('created_at').notNull(),
  updatedAtMs: epochMs('updated_at').notNull(),
})

export const retrievalDocumentVersion = pgTable('retrieval_document_version', {
  id: text('id').primaryKey(),
  documentId: text('document_id').notNull(),
  version: integer('version').notNull(),
  contentSha256: text('content_sha256').notNull(),
  pipelineSha256: text('pipeline_sha256').notNull(),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  characters: integer('characters').notNull(),
  chunks: integer('chunks').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})

export const retrievalChunk = pgTable('retrieval_chunk', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  collectionId: text('collection_id').notNull(),
  documentId: text('document_id').notNull(),
  versionId: text('version_id').notNull(),
  ordinal: integer('ordinal').notNull(),
  headingPath: jsonb('heading_path').$type<string[]>().notNull(),
  text: text('text').notNull(),
  contentSha256: text('content_sha256').notNull(),
  charStart: integer('char_start').notNull(),
  charEnd: integer('char_end').notNull(),
  page: integer('page'),
  tokens: integer('tokens').notNull(),
  ts: tsvector('ts').notNull(),
})

export const retrievalEntry = pgTable(
  'retrieval_entry',
  {
    indexId: text('index_id').notNull(),
    label: integer('label').notNull(),
    chunkId: text('chunk_id').notNull(),
    vector: bytea('vector').notNull(),
  },
  (table) => [primaryKey({ columns: [table.indexId, table.label] })],
)

export const retrievalChange = pgTable(
  'retrieval_change',
  {
    indexId: text('index_id').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    op: text('op').$type<'add' | 'remove'>().notNull(),
    label: integer('label').notNull(),
    createdAtMs: epochMs('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.indexId, table.seq] })],
)

export type Collection = typeof retrievalCollection.$inferSelect
export type IndexRow = typeof retrievalIndex.$inferSelect
export type Document = typeof retrievalDocument.$inferSelect
