import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { PrePeriod } from '../lib/stats/cuped.ts'
import type { Moments } from '../lib/stats/sample.ts'
import { type Aggregation, countsSilence, type NumberMetric } from './metric.ts'

/**
 * Which requests count: of a route, dealt by chance and not sent by a rule, that arrived from `fromMs`, inclusive, to `toMs`, exclusive. By `arm` the two sides of a rollout stand in
 * the place of variants, and who is on none does not count.
 */
export type Window = {
  route: string
  tenant?: string | undefined
  fromMs?: number | undefined
  toMs?: number | undefined
  by?: 'variant' | 'arm' | undefined
}

/** A subject belongs to the variant that answered it; those that several variants answered are in none, and counted. */
export type Exposure = { variants: { variant: string; subjects: number; requests: number }[]; inSeveralVariants: number }

/** Of one value per subject. `pre` is null when no period before was asked for, or nobody has a value in it. */
export type VariantValues = Moments & { variant: string; binary: boolean; pre: PrePeriod | null }

/** How many subjects and requests each variant had. A request without a subject is a subject of its own, as assignment treats it. */
export const countExposures = async (db: Database, window: Window): Promise<Exposure> => {
  const rows = await db.execute<{ variant: string | null; subjects: number; requests: number }>(sql`
    with units as (${units(window)})
    select case when variants = 1 then variant end as variant, count(*)::int as subjects, sum(requests)::int as requests
    from units group by 1 order by 1`)
  return {
    variants: rows.flatMap(({ variant, ...counts }) => (variant === null ? [] : [{ variant, ...counts }])),
    inSeveralVariants: rows.find((row) => row.variant === null)?.subjects ?? 0,
  }
}

/**
 * Moments of a metric in each variant, over one value per subject. A metric of answers is aggregated per answer and then averaged over a
 * subject's answers; a metric of subjects counts from the first answer on. Feedback counts whenever it arrives.
 * `preFromMs` adds the subjects' values between then and `fromMs`.
 *
 * Subjects and what they said are put under one another and grouped. Joined, they need the right plan, for which PGlite, that never
 * analyses, has no statistics: a nested loop over a few thousand subjects takes minutes.
 */
export const metricByVariant = async (
  db: Database,
  window: Window,
  metric: NumberMetric & { name: string },
  preFromMs?: number,
): Promise<VariantValues[]> => {
  const silence = countsSilence(metric.aggregation)
  const rows = await db.execute<{
    variant: string
    n: number
    mean: number | null
    variance: number | null
    binary: boolean
    past: number
    pre_mean: number | null
    pre_variance: number | null
    covariance: number | null
  }>(sql`
    with units as (${units(window)}),
    said as (${metric.level === 'inference' ? ofAnswers(window, metric) : ofSubjects(window, metric)} union all ${ofPast(window, metric, preFromMs)}),
    listed as (
      select tenant, unit, variant, requests, first_at, null::double precision as number, null::timestamptz as at, null::uuid as id,
        false as past from units where variants = 1
      union all select tenant, unit, null, null, null, number, at, id, past from said
    ),
    dated as (select *, max(first_at) over (partition by tenant, unit) as since from listed),
    subjects as (
      select max(variant) as variant, ${present(metric)} as y,
        ${metric.level === 'inference' ? sql`avg(number) filter (where past)` : aggregate(metric.aggregation, sql`past`)} as x
      from dated group by tenant, unit having max(variant) is not null
    ),
    paired as (
      select variant, ${silence ? sql`coalesce(y, 0)` : sql`y`} as y, coalesce(x, ${silence ? sql`0` : sql`avg(x) over ()`}) as x,
        count(x) over () as past from subjects
    )
    select variant, count(y)::int as n, avg(y) as mean, var_samp(y) as variance, coalesce(bool_and(y in (0, 1)), false) as binary,
      max(past)::int as past, avg(x) filter (where y is not null) as pre_mean, var_samp(x) filter (where y is not null) as pre_variance,
      covar_samp(y, x) as covariance
    from paired group by variant order by variant`)
  return rows.map((row) => ({
    variant: row.variant,
    n: row.n,
    mean: row.mean ?? 0,
    variance: row.variance ?? 0,
    binary: row.binary,
    pre: row.past > 0 ? { mean: row.pre_mean ?? 0, variance: row.pre_variance ?? 0, covariance: row.covariance ?? 0 } : null,
  }))
}

/** How often anybody said anything of a metric, and how much of it names an answer whose trace is not there. */
export const countFeedback = async (
  db: Database,
  metric: NumberMetric & { name: string },
  tenant?: string,
): Promise<{ total: number; unmatched: number }> => {
  const [row] = await db.execute<{ total: number; unmatched: number }>(sql`
    select count(*)::int as total, (count(*) filter (where f.inference_id is not null and t.id is null))::int as unmatched
    from ${statements(metric)} f left join traces t on t.id = f.inference_id and t.tenant = f.tenant
    where ${tenant === undefined ? sql`true` : sql`f.tenant = ${tenant}`}`)
  return row ?? { total: 0, unmatched: 0 }
}

const units = (window: Window): SQL => sql`
  select tenant, coalesce(subject, id::text) as unit, min(${sideOf(window)}) as variant, count(distinct ${sideOf(window)}) as variants,
    count(*) as requests, min(started_at) as first_at
  from traces t where ${within(window)} group by 1, 2`

/** One row per answer of the window, at no particular time: it belongs to its answer. */
const ofAnswers = (window: Window, metric: NumberMetric & { name: string }): SQL => sql`
  select tenant, unit, ${aggregate(metric.aggregation, sql`true`)} as number, 'infinity'::timestamptz as at, null::uuid as id, false as past
  from (
    select t.tenant, coalesce(t.subject, t.id::text) as unit, t.id as answer, f.number, f.at, f.id
    from ${statements(metric)} f join traces t on t.id = f.inference_id and t.tenant = f.tenant where ${within(window)}
  ) as said group by tenant, unit, answer`

const ofSubjects = (window: Window, metric: NumberMetric & { name: string }): SQL => sql`
  ${ofAnyone(metric)} where ${ofTenant(sql`f.tenant`, window)}`

/** What the same subjects did before, wherever they were. */
const ofPast = (window: Window, metric: NumberMetric & { name: string }, preFromMs: number | undefined): SQL => {
  if (preFromMs === undefined || window.fromMs === undefined) return sql`${ofAnyone(metric)} where false`
  const during = sql`f.at >= ${iso(preFromMs)}::timestamptz and f.at < ${iso(window.fromMs)}::timestamptz`
  return sql`select tenant, unit, number, at, id, true from (${ofSubjects(window, metric)} and ${during}) as earlier`
}

const ofAnyone = (metric: NumberMetric & { name: string }): SQL => sql`
  select f.tenant, coalesce(f.subject, t.subject, t.id::text) as unit, f.number, f.at, f.id, false as past
  from ${statements(metric)} f left join traces t on t.id = f.inference_id and t.tenant = f.tenant`

/** What was said of a metric, by people or by a scorer. A scorer without a verdict has said nothing. */
export const statements = (metric: NumberMetric & { name: string }): SQL => {
  if (metric.source !== 'online_score')
    return sql`(select id, tenant, subject, inference_id, number, at from feedback where metric = ${metric.name})`
  const value = metric.type === 'boolean' ? sql`passed::int::double precision` : sql`score`
  return sql`(
    select trace_id as id, tenant, null::text as subject, trace_id as inference_id, ${value} as number, at
    from online_scores where scorer = ${metric.scorer} and ${value} is not null)`
}

/** The value of a subject from its first answer on. */
const present = ({ level, aggregation }: NumberMetric): SQL => {
  const now = sql`not past and at >= since`
  if (level === 'subject') return aggregate(aggregation, now)
  return countsSilence(aggregation) ? sql`sum(number) filter (where ${now}) / max(requests)` : sql`avg(number) filter (where ${now})`
}

/** Over the columns `number`, `at` and `id` of the rows that `which` is true for. */
const aggregate = (aggregation: Aggregation, which: SQL): SQL => {
  switch (aggregation) {
    case 'last':
      return sql`(array_agg(number order by at desc, id desc) filter (where ${which}))[1]`
    case 'first':
      return sql`(array_agg(number order by at, id) filter (where ${which}))[1]`
    case 'any':
      return sql`max(case when number <> 0 then 1 else 0 end) filter (where ${which})::double precision`
    case 'mean':
      return sql`avg(number) filter (where ${which})`
    case 'count':
      return sql`nullif(count(*) filter (where ${which}), 0)::double precision`
    case 'sum':
    case 'min':
    case 'max':
      return sql`${sql.raw(aggregation)}(number) filter (where ${which})`
  }
}

const within = (
  window: Window,
): SQL => sql`t.route = ${window.route} and t.purpose = 'live' and t.rule is null and ${sideOf(window)} is not null and ${ofTenant(sql`t.tenant`, window)}
  and ${window.fromMs === undefined ? sql`true` : sql`t.started_at >= ${iso(window.fromMs)}::timestamptz`}
  and ${window.toMs === undefined ? sql`true` : sql`t.started_at < ${iso(window.toMs)}::timestamptz`}`

const sideOf = ({ by }: Window): SQL => sql.raw(by === 'arm' ? 't.arm' : 't.variant')

const ofTenant = (column: SQL, { tenant }: Window): SQL => (tenant === undefined ? sql`true` : sql`${column} = ${tenant}`)

const iso = (ms: number) => new Date(ms).toISOString()
