import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { PrePeriod } from '../lib/stats/cuped.ts'
import type { Moments } from '../lib/stats/sample.ts'
import { type Aggregation, countsSilence, type NumberMetric } from './metric.ts'

/** Which requests count: of a route, that arrived from `fromMs`, inclusive, to `toMs`, exclusive. */
export type Window = { route: string; tenant?: string | undefined; fromMs?: number | undefined; toMs?: number | undefined }

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
 */
export const metricByVariant = async (
  db: Database,
  window: Window,
  metric: NumberMetric & { name: string },
  preFromMs?: number,
): Promise<VariantValues[]> => {
  const silence = countsSilence(metric.aggregation)
  const pre = preFromMs === undefined || window.fromMs === undefined ? nobody : before(window, metric, preFromMs, window.fromMs)
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
    said as (${metric.level === 'inference' ? ofAnswers(window, metric) : ofSubjects(window, metric)}),
    past as (${pre}),
    joined as (
      select variant, ${silence ? sql`coalesce(said.value, 0)` : sql`said.value`} as y,
        coalesce(past.value, ${silence ? sql`0` : sql`avg(past.value) over ()`}) as x, past.value is not null as has_past
      from units left join said using (tenant, unit) left join past using (tenant, unit)
      where variants = 1
    )
    select variant, count(y)::int as n, avg(y) as mean, var_samp(y) as variance, coalesce(bool_and(y in (0, 1)), false) as binary,
      (count(*) filter (where has_past))::int as past, avg(x) filter (where y is not null) as pre_mean,
      var_samp(x) filter (where y is not null) as pre_variance, covar_samp(y, x) as covariance
    from joined group by variant order by variant`)
  const past = rows.some((row) => row.past > 0)
  return rows.map((row) => ({
    variant: row.variant,
    n: row.n,
    mean: row.mean ?? 0,
    variance: row.variance ?? 0,
    binary: row.binary,
    pre: past ? { mean: row.pre_mean ?? 0, variance: row.pre_variance ?? 0, covariance: row.covariance ?? 0 } : null,
  }))
}

/** How often anybody said anything of a metric, and how much of it names an answer whose trace is not there. */
export const countFeedback = async (db: Database, name: string, tenant?: string): Promise<{ total: number; unmatched: number }> => {
  const [row] = await db.execute<{ total: number; unmatched: number }>(sql`
    select count(*)::int as total, (count(*) filter (where f.inference_id is not null and t.id is null))::int as unmatched
    from feedback f left join traces t on t.id = f.inference_id and t.tenant = f.tenant
    where f.metric = ${name} and ${tenant === undefined ? sql`true` : sql`f.tenant = ${tenant}`}`)
  return row ?? { total: 0, unmatched: 0 }
}

const units = (window: Window): SQL => sql`
  select tenant, coalesce(subject, id::text) as unit, min(variant) as variant, count(distinct variant) as variants,
    count(*) as requests, min(started_at) as first_at
  from traces t where ${within(window)} group by 1, 2`

const ofAnswers = (window: Window, metric: NumberMetric & { name: string }): SQL => sql`
  select tenant, unit, ${countsSilence(metric.aggregation) ? sql`sum(answers.value) / min(units.requests)` : sql`avg(answers.value)`} as value
  from (
    select t.tenant, coalesce(t.subject, t.id::text) as unit, ${aggregate(metric.aggregation)} as value
    from feedback f join traces t on t.id = f.inference_id and t.tenant = f.tenant
    where f.metric = ${metric.name} and ${within(window)} group by 1, 2, t.id
  ) as answers join units using (tenant, unit) group by 1, 2`

const ofSubjects = (window: Window, metric: NumberMetric & { name: string }): SQL => sql`
  select units.tenant, units.unit, ${aggregate(metric.aggregation)} as value
  from feedback f left join traces t on t.id = f.inference_id and t.tenant = f.tenant
  join units on units.tenant = f.tenant and units.unit = coalesce(f.subject, t.subject, t.id::text)
  where f.metric = ${metric.name} and ${ofTenant(sql`f.tenant`, window)} and f.at >= units.first_at group by 1, 2`

/** What the same subjects did before, wherever they were. */
const before = (window: Window, metric: NumberMetric & { name: string }, preFromMs: number, fromMs: number): SQL => sql`
  select f.tenant, coalesce(f.subject, t.subject, t.id::text) as unit,
    ${metric.level === 'inference' ? sql`avg(f.number)` : aggregate(metric.aggregation)} as value
  from feedback f left join traces t on t.id = f.inference_id and t.tenant = f.tenant
  where f.metric = ${metric.name} and ${ofTenant(sql`f.tenant`, window)} and f.at >= ${iso(preFromMs)}::timestamptz
    and f.at < ${iso(fromMs)}::timestamptz
  group by 1, 2`

const nobody = sql`select ''::text as tenant, ''::text as unit, null::double precision as value where false`

const aggregate = (aggregation: Aggregation): SQL => {
  switch (aggregation) {
    case 'last':
      return sql`(array_agg(f.number order by f.at desc, f.id desc))[1]`
    case 'first':
      return sql`(array_agg(f.number order by f.at, f.id))[1]`
    case 'any':
      return sql`max(case when f.number <> 0 then 1 else 0 end)::double precision`
    case 'mean':
      return sql`avg(f.number)`
    case 'count':
      return sql`count(*)::double precision`
    case 'sum':
    case 'min':
    case 'max':
      return sql`${sql.raw(aggregation)}(f.number)`
  }
}

const within = (window: Window): SQL => sql`t.route = ${window.route} and t.variant is not null and ${ofTenant(sql`t.tenant`, window)}
  and ${window.fromMs === undefined ? sql`true` : sql`t.started_at >= ${iso(window.fromMs)}::timestamptz`}
  and ${window.toMs === undefined ? sql`true` : sql`t.started_at < ${iso(window.toMs)}::timestamptz`}`

const ofTenant = (column: SQL, { tenant }: Window): SQL => (tenant === undefined ? sql`true` : sql`${column} = ${tenant}`)

const iso = (ms: number) => new Date(ms).toISOString()
