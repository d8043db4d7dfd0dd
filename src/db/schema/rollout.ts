import { bigint, boolean, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** Tables of `migrations/0019_rollouts.sql`. */
export const routeVersions = pgTable(
  'route_versions',
  {
    name: text('name').notNull(),
    version: integer('version').notNull(),
    settings: jsonb('settings').notNull(),
    settingsHash: text('settings_hash').notNull(),
    createdBy: text('created_by').notNull(),
    reason: text('reason').notNull(),
    createdAtMs: epochMs('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.name, table.version] })],
)

export const routeHeads = pgTable('route_heads', { name: text('name').primaryKey(), version: integer('version') })

export const routeEvents = pgTable('route_events', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  name: text('name').notNull(),
  kind: text('kind').$type<'put' | 'delete' | 'rollback'>().notNull(),
  fromVersion: integer('from_version'),
  toVersion: integer('to_version'),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  atMs: epochMs('at').notNull(),
})

export const rollouts = pgTable('rollouts', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  candidate: text('candidate').notNull(),
  candidateHash: text('candidate_hash').notNull(),
  stable: text('stable').notNull(),
  stableHash: text('stable_hash').notNull(),
  declaredWeights: jsonb('declared_weights').$type<{ [variant: string]: number }>().notNull(),
  plan: jsonb('plan').notNull(),
  createdBy: text('created_by').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
  status: text('status').$type<'pending' | 'running' | 'held' | 'awaiting_approval' | 'promoted' | 'rolled_back'>().notNull(),
  step: integer('step').notNull(),
  stepSinceMs: epochMs('step_since').notNull(),
  accepted: text('accepted').array().notNull().default([]),
  disabled: boolean('disabled').notNull().default(false),
})

export const rolloutEvents = pgTable('rollout_events', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  rolloutId: uuid('rollout_id').notNull(),
  kind: text('kind').notNull(),
  fromStatus: text('from_status'),
  toStatus: text('to_status').notNull(),
  fromStep: integer('from_step'),
  toStep: integer('to_step').notNull(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  override: boolean('override').notNull().default(false),
  evidence: jsonb('evidence'),
  atMs: epochMs('at').notNull(),
})

/** Of `migrations/0024_adaptive.sql`. */
export const adaptiveWeights = pgTable('adaptive_weights', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  basis: text('basis').notNull(),
  weights: jsonb('weights').$type<{ [variant: string]: number }>().notNull(),
  stopped: text('stopped').array().notNull().default([]),
  evidence: jsonb('evidence').notNull(),
  atMs: epochMs('at').notNull(),
})

export const servingRevision = pgTable('serving_revision', {
  single: boolean('single').primaryKey().default(true),
  revision: bigint('revision', { mode: 'number' }).notNull(),
})
