import { bigint, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** Tables of `migrations/0003_models.sql`. */
export const models = pgTable('models', {
  name: text('name').primaryKey(),
  kind: text('kind').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})

export const modelVersions = pgTable(
  'model_versions',
  {
    modelName: text('model_name').notNull(),
    version: integer('version').notNull(),
    versionHash: text('version_hash').notNull(),
    manifest: jsonb('manifest').$type<{ path: string; size: number; sha256: string }[]>().notNull(),
    manifestHash: text('manifest_hash').notNull(),
    format: text('format').notNull(),
    facts: jsonb('facts').$type<Record<string, unknown>>().notNull(),
    card: text('card'),
    createdBy: text('created_by').notNull(),
    reason: text('reason').notNull(),
    createdAtMs: epochMs('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.modelName, table.version] })],
)

export const modelAliases = pgTable(
  'model_aliases',
  { modelName: text('model_name').notNull(), alias: text('alias').notNull(), version: integer('version').notNull() },
  (table) => [primaryKey({ columns: [table.modelName, table.alias] })],
)

export const modelAliasEvents = pgTable('model_alias_events', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  modelName: text('model_name').notNull(),
  alias: text('alias').notNull(),
  kind: text('kind').$type<'promote' | 'rollback'>().notNull(),
  fromVersion: integer('from_version'),
  toVersion: integer('to_version').notNull(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  atMs: epochMs('at').notNull(),
})

export const modelObservations = pgTable('model_observations', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  provider: text('provider').notNull(),
  requested: text('requested').notNull(),
  echoed: text('echoed').notNull(),
  atMs: epochMs('at').notNull(),
})
