import { bigint, boolean, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** Tables of `migrations/0002_prompts.sql`. */
export const prompts = pgTable('prompts', {
  name: text('name').primaryKey(),
  headVersion: integer('head_version').notNull(),
  headContentHash: text('head_content_hash').notNull(),
  archivedAtMs: epochMs('archived_at'),
  createdAtMs: epochMs('created_at').notNull(),
})

export const promptPartials = pgTable('prompt_partials', {
  hash: text('hash').primaryKey(),
  text: text('text').notNull(),
})

export const promptVersions = pgTable(
  'prompt_versions',
  {
    promptName: text('prompt_name').notNull(),
    version: integer('version').notNull(),
    closureHash: text('closure_hash').notNull(),
    source: text('source').notNull(),
    /** Name of each partial reached → hash of its text. */
    partials: jsonb('partials').$type<Record<string, string>>().notNull(),
    frontMatter: jsonb('front_matter').$type<Record<string, unknown>>().notNull(),
    gitCommit: text('git_commit'),
    gitPath: text('git_path').notNull(),
    author: text('author'),
    message: text('message'),
    createdBy: text('created_by').notNull(),
    createdAtMs: epochMs('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.promptName, table.version] })],
)

export const promptLabels = pgTable(
  'prompt_labels',
  { promptName: text('prompt_name').notNull(), label: text('label').notNull(), version: integer('version').notNull() },
  (table) => [primaryKey({ columns: [table.promptName, table.label] })],
)

export const promptLabelEvents = pgTable('prompt_label_events', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  promptName: text('prompt_name').notNull(),
  label: text('label').notNull(),
  kind: text('kind').$type<'promote' | 'rollback'>().notNull(),
  fromVersion: integer('from_version'),
  toVersion: integer('to_version').notNull(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  evalRunId: text('eval_run_id'),
  override: boolean('override').notNull(),
  atMs: epochMs('at').notNull(),
})

export const promptSyncEvents = pgTable('prompt_sync_events', {
  id: uuid('id').primaryKey(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  gitCommit: text('git_commit'),
  changes: jsonb('changes').$type<{ name: string; kind: string; version: number }[]>().notNull(),
  atMs: epochMs('at').notNull(),
})
