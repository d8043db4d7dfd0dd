import { and, desc, eq, sql } from 'drizzle-orm'
import { lockedTransaction } from '../../db/advisory-lock.ts'
import type { Database } from '../../db/database.ts'
import { judgeChecks } from '../../db/schema/online-scores.ts'
import type { Clock } from '../../lib/clock.ts'
import { uuidv7 } from '../../lib/ids.ts'
import { pairedDifference } from '../../lib/stats/paired.ts'
import { findTrace } from '../../traces/query.ts'
import { scorerOf } from '../scorers/index.ts'
import type { ScoringModels } from '../scoring-models.ts'
import type { AssertionSpec } from '../suite.ts'
import { scoreTrace } from './score-trace.ts'

export type JudgeCheck = typeof judgeChecks.$inferSelect

export type JudgeCheckOptions = {
  db: Database
  clock: Clock
  route: string
  judge: string
  /** What the judge is made of, and behind a slash the model that its host names, once it has named one. */
  identity: string
  scorers: readonly AssertionSpec[]
  models: ScoringModels
  signal: AbortSignal
}

/**
 * Pins the judge of each judged scorer, and when it became another one lets it score again what the earlier one scored last: scores from
 * before and after the change are comparable only when the same answers are scored alike. Returns the checks that were made now. Among
 * replicas one makes a check; one that dies leaves it `running`, and scoring goes on all the same.
 */
export const checkJudges = async (options: JudgeCheckOptions): Promise<JudgeCheck[]> => {
  const checks: JudgeCheck[] = []
  for (const assertion of options.scorers) {
    if (scorerOf(assertion.type)?.judged !== true) continue
    const begun = await pin(options, assertion.metric)
    if (begun?.status === 'running') checks.push(await scoreAgain(options, assertion, begun))
  }
  return checks
}

/** The row that this call made: `pinned` for a first judge, `running` for another one; undefined when the judge is the same. */
const pin = ({ db, clock, route, judge, identity }: JudgeCheckOptions, scorer: string): Promise<JudgeCheck | undefined> =>
  lockedTransaction(db, `judges/${route}/${scorer}`, async (tx) => {
    const [last] = await tx
      .select()
      .from(judgeChecks)
      .where(and(eq(judgeChecks.route, route), eq(judgeChecks.scorer, scorer)))
      .orderBy(desc(judgeChecks.seq))
      .limit(1)
    if (last?.identity === identity) return undefined
    // The host had not named its model yet.
    if (last !== undefined && identity.startsWith(`${last.identity}/`)) {
      await tx.update(judgeChecks).set({ identity }).where(eq(judgeChecks.id, last.id))
      return undefined
    }
    const status = last === undefined ? ('pinned' as const) : ('running' as const)
    const [made] = await tx.insert(judgeChecks).values({ id: uuidv7(), route, scorer, judge, identity, status, atMs: clock() }).returning()
    return made
  })

const scoreAgain = async (options: JudgeCheckOptions, assertion: AssertionSpec, begun: JudgeCheck): Promise<JudgeCheck> => {
  const { db, clock, route, models, signal } = options
  const frozen = await db.execute<{ id: string; score: number }>(sql`
    select s.trace_id as id, s.score from online_scores s
    where s.route = ${route} and s.scorer = ${assertion.metric} and s.score is not null
      and exists (select 1 from trace_payloads p where p.id = s.trace_id)
    order by s.at desc, s.trace_id limit ${frozenAnswers}`)
  const pairs: { before: number; after: number }[] = []
  let costUsd: number | null = 0
  for (const { id, score } of frozen) {
    const trace = await findTrace(db, id, null)
    if (trace === undefined || trace.payload == null) continue
    const again = await scoreTrace({ trace, assertion, models, clock, signal })
    costUsd = costUsd === null || again.costUsd === null ? null : costUsd + again.costUsd
    if (again.score !== null) pairs.push({ before: score, after: again.score })
  }
  const mean = (read: (pair: { before: number; after: number }) => number) =>
    pairs.length === 0 ? null : pairs.reduce((sum, pair) => sum + read(pair), 0) / pairs.length
  const found = pairs.length < 2 ? null : pairedDifference(pairs.map(({ before, after }) => after - before))
  const [done] = await db
    .update(judgeChecks)
    .set({
      status: 'done',
      answers: pairs.length,
      meanBefore: mean(({ before }) => before),
      meanAfter: mean(({ after }) => after),
      ...(found ? { difference: found.mean, low: found.low, high: found.high, p: found.p } : {}),
      moved: found === null ? null : found.p < 0.05 && Math.abs(found.mean) >= smallestMove,
      costUsd,
    })
    .where(eq(judgeChecks.id, begun.id))
    .returning()
  return done ?? begun
}

/** Newest first. */
export const listJudgeChecks = (db: Database, route: string | undefined, limit: number): Promise<JudgeCheck[]> =>
  db
    .select()
    .from(judgeChecks)
    .where(route === undefined ? undefined : eq(judgeChecks.route, route))
    .orderBy(desc(judgeChecks.seq))
    .limit(limit)

const frozenAnswers = 30
/** Of scores in [0, 1]: less is not worth a person's look. */
const smallestMove = 0.05
