import { inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { onlineScoreClaims, onlineScores } from '../../db/schema/online-scores.ts'
import { type Interval, wilson } from '../../lib/stats/proportions.ts'

export type OnlineScore = typeof onlineScores.$inferSelect

/** Stores what the scorers of one trace said and gives its claim back, in one. Scores that are there already stay. */
export const insertScores = (db: Database, traceId: string, scores: OnlineScore[]): Promise<void> =>
  db.transaction(async (tx) => {
    if (scores.length > 0) await tx.insert(onlineScores).values(scores).onConflictDoNothing()
    await releaseClaims(tx, [traceId])
  })

export const releaseClaims = async (db: Database, traceIds: readonly string[]): Promise<void> => {
  if (traceIds.length > 0) await db.delete(onlineScoreClaims).where(inArray(onlineScoreClaims.traceId, [...traceIds]))
}

/** Scores go with the traces that they are of. */
export const expireScores = async (db: Database, beforeMs: number): Promise<void> => {
  await db.delete(onlineScores).where(lt(onlineScores.startedAtMs, beforeMs))
  await db.delete(onlineScoreClaims).where(lt(onlineScoreClaims.startedAtMs, beforeMs))
}

/** US dollars that scoring a route has cost since a moment; null when the price of something was unknown. */
export const spentSince = async (db: Database, route: string, fromMs: number): Promise<number | null> => {
  const [row] = await db.execute<{ usd: number | null; unknown: boolean | null }>(sql`
    select sum(cost_usd) as usd, bool_or(cost_usd is null) as unknown from online_scores where route = ${route} and at >= ${iso(fromMs)}::timestamptz`)
  return row?.unknown ? null : (row?.usd ?? 0)
}

export type ScoreFigures = {
  scorer: string
  variant: string | null
  variantHash: string | null
  /** Answers that were scored, and those of them where no verdict came: in no figure. */
  answers: number
  undetermined: number
  mean: number | null
  passRate: number | null
  /** Of the pass rate: Wilson, 95 %. */
  interval: Interval | null
  costUsd: number | null
}

/** What the scorers of a route made of each variant; answers begun from, inclusive, to, exclusive. */
export const summariseScores = async (
  db: Database,
  filter: { route: string; fromMs?: number | undefined; toMs?: number | undefined },
): Promise<ScoreFigures[]> => {
  const within: SQL[] = [
    sql`route = ${filter.route}`,
    ...(filter.fromMs === undefined ? [] : [sql`started_at >= ${iso(filter.fromMs)}::timestamptz`]),
    ...(filter.toMs === undefined ? [] : [sql`started_at < ${iso(filter.toMs)}::timestamptz`]),
  ]
  const rows = await db.execute<{
    scorer: string
    variant: string | null
    variant_hash: string | null
    answers: number
    judged: number
    mean: number | null
    passed: number
    verdicts: number
    usd: number | null
    unknown: boolean
  }>(sql`
    select scorer, variant, variant_hash, count(*)::int as answers, count(score)::int as judged, avg(score) as mean,
      (count(*) filter (where passed))::int as passed, count(passed)::int as verdicts, sum(cost_usd) as usd, bool_or(cost_usd is null) as unknown
    from online_scores where ${sql.join(within, sql` and `)}
    group by 1, 2, 3 order by 1, 2, 3`)
  return rows.map((row) => ({
    scorer: row.scorer,
    variant: row.variant,
    variantHash: row.variant_hash,
    answers: row.answers,
    undetermined: row.answers - row.judged,
    mean: row.mean,
    passRate: row.verdicts === 0 ? null : row.passed / row.verdicts,
    interval: row.verdicts === 0 ? null : wilson({ successes: row.passed, trials: row.verdicts }),
    costUsd: row.unknown ? null : row.usd,
  }))
}

const iso = (ms: number): string => new Date(ms).toISOString()
