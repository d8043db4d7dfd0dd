import { and, asc, desc, eq, isNotNull, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { evalAnswers, evalResults, evalRuns } from '../db/schema/evals.ts'
import { AppError } from '../lib/errors.ts'
import { isUuid } from '../lib/ids.ts'
import type { CaseResult } from './results.ts'
import type { Output } from './scorer.ts'
import type { Summary } from './summary.ts'

export type EvalRun = Omit<typeof evalRuns.$inferSelect, 'summary'> & { summary: Summary | null }

export const insertRun = async (db: Database, run: Omit<typeof evalRuns.$inferInsert, 'status'>): Promise<void> => {
  await db.insert(evalRuns).values({ ...run, status: 'running' })
}

/** An answer that was stored before stays as it was: a run that goes on never replaces one. */
export const insertResults = async (db: Database, runId: string, results: readonly CaseResult[]): Promise<void> => {
  await db
    .insert(evalResults)
    .values(results.map((result) => ({ runId, caseId: result.caseId, repeat: result.repeat, result, passed: result.passed })))
    .onConflictDoNothing()
}

/** A run that goes on asks again what failed. */
export const deleteErrors = async (db: Database, runId: string): Promise<void> => {
  await db.delete(evalResults).where(and(eq(evalResults.runId, runId), sql`${evalResults.result} ->> 'error' is not null`))
}

export const finishRun = async (
  db: Database,
  id: string,
  end: { status: EvalRun['status']; summary: Summary; gate: EvalRun['gate']; finishedAtMs: number },
): Promise<void> => {
  await db.update(evalRuns).set(end).where(eq(evalRuns.id, id))
}

export const resumeRun = async (db: Database, id: string): Promise<void> => {
  await db.update(evalRuns).set({ status: 'running', finishedAtMs: null, summary: null, gate: null }).where(eq(evalRuns.id, id))
}

export const listResults = async (db: Database, runId: string): Promise<CaseResult[]> => {
  const rows = await db
    .select({ result: evalResults.result })
    .from(evalResults)
    .where(eq(evalResults.runId, runId))
    .orderBy(asc(evalResults.caseId), asc(evalResults.repeat))
  return rows.map(({ result }) => result as CaseResult)
}

export const listRuns = async (db: Database, filter: { suite?: string | undefined; limit: number }): Promise<EvalRun[]> => {
  const rows = await db
    .select()
    .from(evalRuns)
    .where(filter.suite === undefined ? undefined : eq(evalRuns.suite, filter.suite))
    .orderBy(desc(evalRuns.startedAtMs), desc(evalRuns.id))
    .limit(filter.limit)
  return rows as EvalRun[]
}

export const findRun = async (db: Database, id: string): Promise<EvalRun> => {
  const [row] = isUuid(id) ? await db.select().from(evalRuns).where(eq(evalRuns.id, id)) : []
  if (row === undefined) throw new AppError('not_found', `there is no evaluation run ${id}: weir eval list shows them`)
  return row as EvalRun
}

/** The newest finished run of a suite that a name means: a run's id, a variant's name or hash, or `latest`. */
export const findBaseline = async (db: Database, suite: string, name: string, exceptId: string): Promise<EvalRun> => {
  if (isUuid(name)) return findRun(db, name)
  const meant =
    name === 'latest' ? undefined : or(eq(evalRuns.variant, name), eq(evalRuns.variantHash, name), eq(evalRuns.promptClosure, name))
  const run = await newest(db, and(eq(evalRuns.suite, suite), eq(evalRuns.status, 'completed'), sql`${evalRuns.id} <> ${exceptId}`, meant))
  if (run === undefined) {
    throw new AppError('not_found', `no finished run of ${suite} is of '${name}': run the suite on it first, or name a run by its id`)
  }
  return run
}

/** The newest run of a suite, or of any, that passed its gate with this variant or prompt. */
export const findPassingRun = (
  db: Database,
  suite: string | undefined,
  of: { variantHash: string } | { promptClosure: string },
): Promise<EvalRun | undefined> =>
  newest(
    db,
    and(
      suite === undefined ? undefined : eq(evalRuns.suite, suite),
      eq(evalRuns.gate, 'ok'),
      'variantHash' in of ? eq(evalRuns.variantHash, of.variantHash) : eq(evalRuns.promptClosure, of.promptClosure),
    ),
  )

const newest = async (db: Database, where: SQL | undefined): Promise<EvalRun | undefined> => {
  const [row] = await db
    .select()
    .from(evalRuns)
    .where(and(where, isNotNull(evalRuns.finishedAtMs)))
    .orderBy(desc(evalRuns.startedAtMs))
    .limit(1)
  return row as EvalRun | undefined
}

export type CachedAnswer = { output: Output; costUsd: number | null }

export const findAnswer = async (db: Database, key: string): Promise<CachedAnswer | undefined> => {
  const [row] = await db.select().from(evalAnswers).where(eq(evalAnswers.key, key))
  return row && { output: row.output as Output, costUsd: row.costUsd }
}

export const insertAnswer = async (db: Database, key: string, { output, costUsd }: CachedAnswer, atMs: number): Promise<void> => {
  await db.insert(evalAnswers).values({ key, output, costUsd, atMs }).onConflictDoNothing()
}
