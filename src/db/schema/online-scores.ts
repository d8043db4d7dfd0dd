import { bigint, boolean, doublePrecision, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

export const onlineScores = pgTable(
  'online_scores',
  {
    traceId: uuid('trace_id').notNull(),
    scorer: text('scorer').notNull(),
    tenant: text('tenant').notNull(),
    route: text('route').notNull(),
    variant: text('variant'),
    variantHash: text('variant_hash'),
    arm: text('arm').$type<'candidate' | 'control'>(),
    /** Null, as is `passed`, when the scorer gave no verdict. */
    score: doublePrecision('score'),
    passed: boolean('passed'),
    reason: text('reason').notNull(),
    costUsd: doublePrecision('cost_usd'),
    /** When the answer was begun, and when it was scored. */
    startedAtMs: epochMs('started_at').notNull(),
    atMs: epochMs('at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.traceId, table.scorer] })],
)

export const onlineScoreClaims = pgTable('online_score_claims', {
  traceId: uuid('trace_id').primaryKey(),
  route: text('route').notNull(),
  startedAtMs: epochMs('started_at').notNull(),
  attempts: integer('attempts').notNull(),
  untilMs: epochMs('until').notNull(),
})

export const onlineScoreMarks = pgTable('online_score_marks', {
  route: text('route').primaryKey(),
  lookedToMs: epochMs('looked_to').notNull(),
})

/** Of `migrations/0025_judges.sql`. */
export const judgeChecks = pgTable('judge_checks', {
  id: uuid('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  route: text('route').notNull(),
  scorer: text('scorer').notNull(),
  judge: text('judge').notNull(),
  identity: text('identity').notNull(),
  status: text('status').$type<'pinned' | 'running' | 'done'>().notNull(),
  answers: integer('answers').notNull().default(0),
  meanBefore: doublePrecision('mean_before'),
  meanAfter: doublePrecision('mean_after'),
  difference: doublePrecision('difference'),
  low: doublePrecision('low'),
  high: doublePrecision('high'),
  p: doublePrecision('p'),
  moved: boolean('moved'),
  costUsd: doublePrecision('cost_usd'),
  atMs: epochMs('at').notNull(),
})
