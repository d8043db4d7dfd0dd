import { boolean, doublePrecision, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

export const evalRuns = pgTable('eval_runs', {
  id: uuid('id').primaryKey(),
  suite: text('suite').notNull(),
  suiteHash: text('suite_hash').notNull(),
  status: text('status').$type<'running' | 'completed' | 'interrupted' | 'over_budget'>().notNull(),
  tenant: text('tenant').notNull(),
  target: jsonb('target').notNull(),
  route: text('route'),
  variant: text('variant'),
  variantHash: text('variant_hash'),
  promptClosure: text('prompt_closure'),
  startedAtMs: epochMs('started_at').notNull(),
  finishedAtMs: epochMs('finished_at'),
  actor: text('actor').notNull(),
  gitCommit: text('git_commit'),
  cases: integer('cases').notNull(),
  margin: doublePrecision('margin').notNull(),
  passRate: doublePrecision('pass_rate').notNull(),
  summary: jsonb('summary'),
  gate: text('gate').$type<'ok' | 'failed' | 'undecided' | 'error'>(),
})

export const evalResults = pgTable(
  'eval_results',
  {
    runId: uuid('run_id')
      .notNull()
      .references(() => evalRuns.id, { onDelete: 'cascade' }),
    caseId: text('case_id').notNull(),
    repeat: integer('repeat').notNull(),
    result: jsonb('result').notNull(),
    passed: boolean('passed'),
  },
  (table) => [primaryKey({ columns: [table.runId, table.caseId, table.repeat] })],
)

export const evalAnswers = pgTable('eval_answers', {
  key: text('key').primaryKey(),
  output: jsonb('output').notNull(),
  costUsd: doublePrecision('cost_usd'),
  atMs: epochMs('at').notNull(),
})
