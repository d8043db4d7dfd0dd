import { and, asc, desc, eq, getTableColumns, gt, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { openaiEvalOutputItems, openaiEvalRuns, openaiEvals } from '../../db/schema/openai-evals.ts'
import type { Principal } from '../../keys/principal.ts'
import { AppError } from '../../lib/errors.ts'
import { uuidv7 } from '../../lib/ids.ts'
import type { DataSource, DataSourceConfig, TestingCriterion } from './wire.ts'

export type OpenAiEval = Omit<typeof openaiEvals.$inferSelect, 'dataSourceConfig' | 'testingCriteria'> & {
  dataSourceConfig: DataSourceConfig
  testingCriteria: TestingCriterion[]
}
export type OpenAiRun = Omit<typeof openaiEvalRuns.$inferSelect, 'dataSource' | 'principal'> & {
  dataSource: DataSource
  principal: Principal
}
export type OutputItem = typeof openaiEvalOutputItems.$inferSelect

const prefixes = { eval: 'eval_', run: 'evalrun_', item: 'outputitem_' } as const
export const newEvalId = (kind: keyof typeof prefixes): string => prefixes[kind] + uuidv7().replaceAll('-', '')

export type Page = { limit: number; order: 'asc' | 'desc'; after?: string | undefined }

export const insertEval = async (db: Database, one: OpenAiEval): Promise<void> => {
  await db.insert(openaiEvals).values(one)
}

/** Another tenant's eval does not exist. Throws `not_found`. */
export const findEval = async (db: Database, tenant: string, id: string): Promise<OpenAiEval> => {
  const [row] = await db.select().from(openaiEvals).where(ownEval(tenant, id))
  if (row === undefined) throw new AppError('not_found', `there is no eval ${id}`)
  return row as OpenAiEval
}

const ownEval = (tenant: string, id: string) => and(eq(openaiEvals.tenant, tenant), eq(openaiEvals.id, id))

/** One more than asked for, so that the caller sees whether there are more. */
export const listEvals = async (db: Database, tenant: string, page: Page): Promise<OpenAiEval[]> =>
  (await db
    .select()
    .from(openaiEvals)
    .where(and(eq(openaiEvals.tenant, tenant), after(openaiEvals.id, page)))
    .orderBy(inOrder(openaiEvals.id, page))
    .limit(page.limit + 1)) as OpenAiEval[]

type Column = typeof openaiEvals.id | typeof openaiEvalRuns.id | typeof openaiEvalOutputItems.id
const after = (column: Column, { order, after: last }: Page): SQL | undefined =>
  last === undefined ? undefined : order === 'asc' ? gt(column, last) : lt(column, last)
const inOrder = (column: Column, { order }: Page): SQL => (order === 'asc' ? asc(column) : desc(column))

export const changeEval = async (
  db: Database,
  tenant: string,
  id: string,
  change: { name?: string | undefined; metadata?: Record<string, string> | null | undefined },
  nowMs: number,
): Promise<OpenAiEval> => {
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
  await db
    .update(openaiEvals)
    .set({ ...given, updatedAtMs: nowMs })
    .where(ownEval(tenant, id))
  return findEval(db, tenant, id)
}

/** With its runs and what they found. */
export const deleteEval = async (db: Database, tenant: string, id: string): Promise<void> => {
  await db.delete(openaiEvals).where(ownEval(tenant, id))
}

export const insertRun = async (db: Database, run: OpenAiRun): Promise<void> => {
  await db.insert(openaiEvalRuns).values(run)
}

const ownRun = (tenant: string, evalId: string, id: string) =>
  and(eq(openaiEvalRuns.tenant, tenant), eq(openaiEvalRuns.evalId, evalId), eq(openaiEvalRuns.id, id))

export const findRun = async (db: Database, tenant: string, evalId: string, id: string): Promise<OpenAiRun> => {
  const [row] = await db
    .select()
    .from(openaiEvalRuns)
    .where(ownRun(tenant, evalId, id))
  if (row === undefined) throw new AppError('not_found', `the eval ${evalId} has no run ${id}`)
  return row as OpenAiRun
}

/** Without the rows that came in the body of a run, which may be many. */
export const listRuns = async (
  db: Database,
  evalId: string,
  page: Page & { status?: OpenAiRun['status'] | undefined },
): Promise<OpenAiRun[]> =>
  (await db
    .select({ ...getTableColumns(openaiEvalRuns), dataSource: withoutRows })
    .from(openaiEvalRuns)
    .where(
      and(
        eq(openaiEvalRuns.evalId, evalId),
        page.status === undefined ? undefined : eq(openaiEvalRuns.status, page.status),
        after(openaiEvalRuns.id, page),
      ),
    )
    .orderBy(inOrder(openaiEvalRuns.id, page))
    .limit(page.limit + 1)) as OpenAiRun[]

const withoutRows = sql`case when ${openaiEvalRuns.dataSource} #>> '{source,type}' = 'file_content'
  then jsonb_set(${openaiEvalRuns.dataSource}, '{source,content}', '[]') else ${openaiEvalRuns.dataSource} end`

const open = inArray(openaiEvalRuns.status, ['queued', 'in_progress'])

/** False for a run that is over. */
export const cancelRun = async (db: Database, id: string): Promise<boolean> => {
  const changed = await db
    .update(openaiEvalRuns)
    .set({ status: 'canceled' })
    .where(and(eq(openaiEvalRuns.id, id), open))
    .returning({ id: openaiEvalRuns.id })
  return changed.length > 0
}

export const deleteRun = async (db: Database, id: string): Promise<void> => {
  await db.delete(openaiEvalRuns).where(eq(openaiEvalRuns.id, id))
}

/** Takes the oldest run that nobody works on, a new one or one whose replica died, of a tenant of whom not too many are being worked on. */
export const takeRun = async (db: Database, nowMs: number, holdMs: number): Promise<OpenAiRun | undefined> => {
  const free = db
    .select({ id: openaiEvalRuns.id })
    .from(openaiEvalRuns)
    .where(and(open, lt(openaiEvalRuns.heldUntilMs, nowMs), sql`${heldOfTenant(nowMs)} < ${runsOfTenant}`))
    .orderBy(asc(openaiEvalRuns.id))
    .limit(1)
    .for('update', { skipLocked: true })
  const [row] = await db
    .update(openaiEvalRuns)
    .set({ status: 'in_progress', heldUntilMs: nowMs + holdMs })
    .where(inArray(openaiEvalRuns.id, free))
    .returning()
  return row as OpenAiRun | undefined
}

const heldOfTenant = (nowMs: number) => sql`(
  select count(*) from openai_eval_runs held
  where held.tenant = ${openaiEvalRuns.tenant} and held.status = 'in_progress' and held.held_until >= ${new Date(nowMs).toISOString()}::timestamptz)`
const runsOfTenant = 4

/** Keeps a run for longer, or until a moment that has passed lets it go. False when it was cancelled or deleted. */
export const holdRun = async (db: Database, id: string, untilMs: number): Promise<boolean> => {
  const held = await db
    .update(openaiEvalRuns)
    .set({ heldUntilMs: untilMs })
    .where(and(eq(openaiEvalRuns.id, id), eq(openaiEvalRuns.status, 'in_progress')))
    .returning({ id: openaiEvalRuns.id })
  return held.length > 0
}

export const finishRun = async (db: Database, id: string, status: 'completed' | 'failed', error: OpenAiRun['error']): Promise<void> => {
  await db
    .update(openaiEvalRuns)
    .set({ status, error })
    .where(and(eq(openaiEvalRuns.id, id), eq(openaiEvalRuns.status, 'in_progress')))
}

export const insertOutputItem = async (db: Database, item: OutputItem): Promise<void> => {
  await db.insert(openaiEvalOutputItems).values(item).onConflictDoNothing()
}

/** Positions of the rows that were graded. */
export const donePositions = async (db: Database, runId: string): Promise<Set<number>> => {
  const rows = await db
    .select({ position: openaiEvalOutputItems.position })
    .from(openaiEvalOutputItems)
    .where(eq(openaiEvalOutputItems.runId, runId))
  return new Set(rows.map(({ position }) => position))
}

export const listOutputItems = (
  db: Database,
  runId: string,
  page: Page & { status?: 'pass' | 'fail' | undefined },
): Promise<OutputItem[]> =>
  db
    .select()
    .from(openaiEvalOutputItems)
    .where(
      and(
        eq(openaiEvalOutputItems.runId, runId),
        page.status === undefined ? undefined : eq(openaiEvalOutputItems.status, page.status),
        after(openaiEvalOutputItems.id, page),
      ),
    )
    .orderBy(inOrder(openaiEvalOutputItems.id, page))
    .limit(page.limit + 1)

export const findOutputItem = async (db: Database, runId: string, id: string): Promise<OutputItem> => {
  const [row] = await db
    .select()
    .from(openaiEvalOutputItems)
    .where(and(eq(openaiEvalOutputItems.runId, runId), eq(openaiEvalOutputItems.id, id)))
  if (row === undefined) throw new AppError('not_found', `the run ${runId} has no output item ${id}`)
  return row
}

/** As OpenAI spells it: what one model was asked and read. */
export type ModelUsage = {
  model_name: string
  invocation_count: number
  prompt_tokens: number
  completion_tokens: number
  cached_tokens: number
  total_tokens: number
}

export type RunCounts = {
  passed: number
  failed: number
  errored: number
  criteria: { testing_criteria: string; passed: number; failed: number }[]
  usage: ModelUsage[]
}

export const countRun = async (db: Database, runId: string): Promise<RunCounts> => {
  const [counts] = await db.execute<{ passed: number; failed: number; errored: number }>(sql`
    select (count(*) filter (where status = 'pass'))::int as passed, (count(*) filter (where status = 'fail'))::int as failed,
      (count(*) filter (where status = 'error'))::int as errored
    from openai_eval_output_items where run_id = ${runId}`)
  const criteria = await db.execute<{ testing_criteria: string; passed: number; failed: number }>(sql`
    select result ->> 'name' as testing_criteria, (count(*) filter (where (result ->> 'passed')::boolean))::int as passed,
      (count(*) filter (where not (result ->> 'passed')::boolean))::int as failed
    from openai_eval_output_items, jsonb_array_elements(results) as result where run_id = ${runId} group by 1 order by 1`)
  const usage = await db.execute<ModelUsage>(sql`
    select used ->> 'model_name' as model_name, sum((used ->> 'invocation_count')::int)::int as invocation_count,
      sum((used ->> 'prompt_tokens')::int)::int as prompt_tokens, sum((used ->> 'completion_tokens')::int)::int as completion_tokens,
      sum((used ->> 'cached_tokens')::int)::int as cached_tokens, sum((used ->> 'total_tokens')::int)::int as total_tokens
    from openai_eval_output_items, jsonb_array_elements(usage) as used where run_id = ${runId} group by 1 order by 1`)
  return { passed: 0, failed: 0, errored: 0, ...counts, criteria: [...criteria], usage: [...usage] }
}
