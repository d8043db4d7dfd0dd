import { bigint, boolean, doublePrecision, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, epochMs } from '../columns.ts'

/** Tables of `migrations/0012_monitors.sql` and `0022_monitor_replays.sql`. */
export const monitorWatermarks = pgTable('monitor_watermarks', {
  route: text('route').primaryKey(),
  rolledToMs: epochMs('rolled_to').notNull(),
})

export const monitorMinutes = pgTable(
  'monitor_minutes',
  {
    route: text('route').notNull(),
    variantHash: text('variant_hash').notNull(),
    minuteMs: epochMs('minute').notNull(),
    variant: text('variant').notNull(),
    requests: integer('requests').notNull(),
  },
  (table) => [primaryKey({ columns: [table.route, table.variantHash, table.minuteMs] })],
)

export const monitorCounts = pgTable(
  'monitor_counts',
  {
    route: text('route').notNull(),
    variantHash: text('variant_hash').notNull(),
    minuteMs: epochMs('minute').notNull(),
    signal: text('signal').notNull(),
    value: text('value').notNull(),
    n: integer('n').notNull(),
  },
  (table) => [primaryKey({ columns: [table.route, table.variantHash, table.minuteMs, table.signal, table.value] })],
)

export const monitorSamples = pgTable('monitor_samples', {
  traceId: uuid('trace_id').primaryKey(),
  route: text('route').notNull(),
  variantHash: text('variant_hash').notNull(),
  minuteMs: epochMs('minute').notNull(),
  priority: doublePrecision('priority').notNull(),
  signals: jsonb('signals').$type<{ [signal: string]: number | string }>(),
})

export const monitorEmbeddings = pgTable('monitor_embeddings', {
  traceId: uuid('trace_id').primaryKey(),
  route: text('route').notNull(),
  variantHash: text('variant_hash').notNull(),
  minuteMs: epochMs('minute').notNull(),
  priority: doublePrecision('priority').notNull(),
  model: text('model'),
  vector: bytea('vector'),
})

export const monitorReferences = pgTable('monitor_references', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  variant: text('variant').notNull(),
  variantHash: text('variant_hash').notNull(),
  version: integer('version').notNull(),
  schemaVersion: integer('schema_version').notNull(),
  fromMs: epochMs('from_at').notNull(),
  toMs: epochMs('to_at').notNull(),
  requests: integer('requests').notNull(),
  createdBy: text('created_by').notNull(),
  reason: text('reason').notNull(),
  createdAtMs: epochMs('created_at').notNull(),
})

export const monitorReferenceSignals = pgTable(
  'monitor_reference_signals',
  {
    referenceId: uuid('reference_id').notNull(),
    signal: text('signal').notNull(),
    kind: text('kind').$type<'numeric' | 'categorical' | 'rate' | 'vector'>().notNull(),
    n: integer('n').notNull(),
    hours: jsonb('hours').notNull(),
  },
  (table) => [primaryKey({ columns: [table.referenceId, table.signal] })],
)

export const monitorWindows = pgTable('monitor_windows', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  variant: text('variant').notNull(),
  variantHash: text('variant_hash').notNull(),
  referenceId: uuid('reference_id').notNull(),
  fromMs: epochMs('from_at').notNull(),
  toMs: epochMs('to_at').notNull(),
  requests: integer('requests').notNull(),
  atMs: epochMs('at').notNull(),
})

export const monitorFindings = pgTable(
  'monitor_findings',
  {
    windowId: uuid('window_id').notNull(),
    signal: text('signal').notNull(),
    tag: text('tag').$type<'data' | 'quality' | 'performance'>().notNull(),
    outcome: text('outcome').$type<'compared' | 'not-enough-data'>().notNull(),
    reason: text('reason'),
    detector: text('detector'),
    statistic: doublePrecision('statistic'),
    pValue: doublePrecision('p_value'),
    adjustedP: doublePrecision('adjusted_p'),
    effect: doublePrecision('effect'),
    effectName: text('effect_name'),
    referenceLevel: doublePrecision('reference_level'),
    windowLevel: doublePrecision('window_level'),
    referenceN: integer('reference_n').notNull(),
    windowN: integer('window_n').notNull(),
    drifted: boolean('drifted').notNull(),
    alarm: boolean('alarm').notNull(),
  },
  (table) => [primaryKey({ columns: [table.windowId, table.signal] })],
)

export const monitorAlerts = pgTable('monitor_alerts', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  variant: text('variant').notNull(),
  variantHash: text('variant_hash').notNull(),
  signal: text('signal').notNull(),
  tag: text('tag').$type<'data' | 'quality' | 'performance'>().notNull(),
  windowId: uuid('window_id'),
  state: text('state').$type<'open' | 'acknowledged' | 'resolved'>().notNull(),
  owner: text('owner'),
  openedAtMs: epochMs('opened_at').notNull(),
  actedAtMs: epochMs('acted_at'),
  actingUntilMs: epochMs('acting_until'),
})

export const monitorAlertEvents = pgTable('monitor_alert_events', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  alertId: uuid('alert_id').notNull(),
  kind: text('kind').notNull(),
  actor: text('actor').notNull(),
  note: text('note'),
  detail: jsonb('detail'),
  atMs: epochMs('at').notNull(),
})

export const monitorSilences = pgTable('monitor_silences', {
  id: uuid('id').primaryKey(),
  route: text('route').notNull(),
  signal: text('signal'),
  fromMs: epochMs('from_at').notNull(),
  toMs: epochMs('to_at').notNull(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  atMs: epochMs('at').notNull(),
})

export const monitorReplays = pgTable('monitor_replays', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  variant: text('variant').notNull(),
  variantHash: text('variant_hash').notNull(),
  goldenHash: text('golden_hash').notNull(),
  baselineId: uuid('baseline_id'),
  status: text('status').$type<'running' | 'completed' | 'failed'>().notNull(),
  actor: text('actor').notNull(),
  reason: text('reason').notNull(),
  knownModels: text('known_models').array().notNull().default([]),
  cases: integer('cases').notNull(),
  answered: integer('answered').notNull().default(0),
  exactShare: doublePrecision('exact_share'),
  similarity: doublePrecision('similarity'),
  baselineSimilarity: doublePrecision('baseline_similarity'),
  pValue: doublePrecision('p_value'),
  moved: boolean('moved'),
  error: text('error'),
  startedAtMs: epochMs('started_at').notNull(),
  finishedAtMs: epochMs('finished_at'),
})

export const monitorReplayOutputs = pgTable(
  'monitor_replay_outputs',
  {
    replayId: uuid('replay_id').notNull(),
    caseId: text('case_id').notNull(),
    output: text('output').notNull(),
    similarity: doublePrecision('similarity').notNull(),
  },
  (table) => [primaryKey({ columns: [table.replayId, table.caseId] })],
)
