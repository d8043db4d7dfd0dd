import { type SQL, sql } from 'drizzle-orm'
import type { Moments } from '../lib/stats/sample.ts'
import type { ByArm } from './assess.ts'
import type { Rollout } from './store.ts'

/** Of one arm: subjects, those with an answer since the step began, and moments over one value per subject. */
export type Exposed = { all: number; inStep: number; failed: Moments; latency: Moments; cost: Moments }

/** `fromMs`: when the rollout's first step began; `stepFromMs`: its present one; `toMs`: when it was over. What came later belongs to another. */
export type EvidenceWindow = Rollout & { fromMs: number; stepFromMs: number; toMs: number | undefined }

/** Whether a time column lies in the window. */
export const during = (column: SQL, { fromMs, toMs }: EvidenceWindow): SQL =>
  sql`${column} >= ${iso(fromMs)}::timestamptz and ${toMs === undefined ? sql`true` : sql`${column} < ${iso(toMs)}::timestamptz`}`

/** `chance`: that a subject was on the candidate's side, where the step does not tell. */
export type BadEvent = { atMs: number; arm: 'candidate' | 'control'; kind: string; chance?: number }

/**
 * What is a failure of the variant, and not of the caller's key or limits. An answer that another model had to give is one: the user has not
 * seen it, but the variant did not work.
 */
export const isFailure = (t: SQL): SQL => sql`(
  (${t}.status = 'error' and coalesce(${t}.error_code, '') not in ('rate_limited', 'insufficient_quota', 'permission_denied'))
  or ${t}.finish_reason = 'content_filter' or cardinality(${t}.fell_back_from) > 0)`

/** As the partial index on failures says it. */
export const mayBeFailure = sql`(t.status = 'error' or t.finish_reason = 'content_filter' or cardinality(t.fell_back_from) > 0)`

export const failureKind = (t: SQL): SQL => sql`case
  when ${t}.status = 'error' then case when ${t}.error_code = 'timeout' then 'timeout' else 'error' end
  when ${t}.finish_reason = 'content_filter' then 'refusal' else 'fallback' end`

export type ExposedRow = {
  arm: string
  all: number
  n: number
  in_step: number
  failed: number | null
  latency_n: number
  latency: number | null
  latency_variance: number | null
  cost_n: number
  cost: number | null
  cost_variance: number | null
}

/** Over `units`, a row per subject and arm, and `step`. */
export const exposedColumns = sql`count(*)::int as all, (count(*) filter (where answers > 0))::int as n,
  (count(*) filter (where answers > 0 and last_at >= step_from))::int as in_step, avg(failed) as failed,
  count(latency)::int as latency_n, avg(latency) as latency, var_samp(latency) as latency_variance,
  count(cost)::int as cost_n, avg(cost) as cost, var_samp(cost) as cost_variance`

export const byArm = (rows: readonly ExposedRow[]): ByArm<Exposed> => {
  const of = (name: string): Exposed => {
    const row = rows.find(({ arm }) => arm === name)
    if (row === undefined) return none().candidate
    const share = row.failed ?? 0
    return {
      all: row.all,
      inStep: row.in_step,
      failed: { n: row.n, mean: share, variance: row.n > 1 ? (share * (1 - share) * row.n) / (row.n - 1) : 0 },
      latency: { n: row.latency_n, mean: row.latency ?? 0, variance: row.latency_variance ?? 0 },
      cost: { n: row.cost_n, mean: row.cost ?? 0, variance: row.cost_variance ?? 0 },
    }
  }
  return { candidate: of('candidate'), control: of('control') }
}

const empty: Moments = { n: 0, mean: 0, variance: 0 }
export const none = (): ByArm<Exposed> => {
  const one: Exposed = { all: 0, inStep: 0, failed: empty, latency: empty, cost: empty }
  return { candidate: one, control: one }
}

export const iso = (ms: number): string => new Date(ms).toISOString()
