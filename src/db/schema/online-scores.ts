import { boolean, doublePrecision, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
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
