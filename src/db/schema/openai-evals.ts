import { integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

export const openaiEvals = pgTable('openai_evals', {
  id: text('id').primaryKey(),
  tenant: text('tenant').notNull(),
  name: text('name').notNull(),
  dataSourceConfig: jsonb('data_source_config').notNull(),
  testingCriteria: jsonb('testing_criteria').notNull(),
  metadata: jsonb('metadata').$type<Record<string, string>>(),
  createdAtMs: epochMs('created_at').notNull(),
  updatedAtMs: epochMs('updated_at').notNull(),
})

export const openaiEvalRuns = pgTable('openai_eval_runs', {
  id: text('id').primaryKey(),
  evalId: text('eval_id')
    .notNull()
    .references(() => openaiEvals.id, { onDelete: 'cascade' }),
  tenant: text('tenant').notNull(),
  name: text('name').notNull(),
  dataSource: jsonb('data_source').notNull(),
  metadata: jsonb('metadata').$type<Record<string, string>>(),
  principal: jsonb('principal').notNull(),
  status: text('status').$type<'queued' | 'in_progress' | 'completed' | 'failed' | 'canceled'>().notNull(),
  error: jsonb('error').$type<{ code: string; message: string }>(),
  items: integer('items').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
  heldUntilMs: epochMs('held_until').notNull(),
})

export const openaiEvalOutputItems = pgTable('openai_eval_output_items', {
  id: text('id').primaryKey(),
  runId: text('run_id')
    .notNull()
    .references(() => openaiEvalRuns.id, { onDelete: 'cascade' }),
  position: integer('position').notNull(),
  item: jsonb('item').$type<Record<string, unknown>>().notNull(),
  status: text('status').$type<'pass' | 'fail' | 'error'>().notNull(),
  results: jsonb('results').notNull(),
  sample: jsonb('sample').notNull(),
  usage: jsonb('usage').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})
