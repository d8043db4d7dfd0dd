import { bigint, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

export const datasets = pgTable('datasets', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  version: integer('version').notNull(),
  source: jsonb('source').$type<Record<string, unknown>>().notNull(),
  redactions: jsonb('redactions').$type<Record<string, number>>().notNull(),
  items: integer('items').notNull(),
  createdBy: text('created_by').notNull(),
  reason: text('reason').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})

export const datasetItems = pgTable('dataset_items', {
  id: uuid('id').primaryKey(),
  datasetId: uuid('dataset_id')
    .notNull()
    .references(() => datasets.id, { onDelete: 'cascade' }),
  position: integer('position').notNull(),
  traceId: uuid('trace_id').notNull(),
  tenant: text('tenant').notNull(),
  route: text('route').notNull(),
  variant: text('variant'),
  variantHash: text('variant_hash'),
  messages: jsonb('messages').notNull(),
  said: jsonb('said'),
  tools: jsonb('tools'),
  answer: jsonb('answer'),
  demonstration: jsonb('demonstration'),
})

export const datasetReviews = pgTable('dataset_reviews', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  itemId: uuid('item_id')
    .notNull()
    .references(() => datasetItems.id, { onDelete: 'cascade' }),
  verdict: text('verdict').$type<'approved' | 'corrected' | 'rejected'>().notNull(),
  correction: jsonb('correction'),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  atMs: epochMs('at').notNull(),
})
