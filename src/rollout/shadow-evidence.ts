import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { ByArm } from './assess.ts'
import {
  type BadEvent,
  byArm,
  during,
  type EvidenceWindow,
  type Exposed,
  type ExposedRow,
  exposedColumns,
  failureKind,
  isFailure,
  iso,
} from './exposed.ts'

/** `traces copy` with `traces live`, the request that it was made of, by `metadata.shadow_of`. */
export const copyWithOriginal = sql`traces copy
  join traces live on live.id = (case when copy.metadata->>'shadow_of' ~ '^[0-9a-f-]{36}$' then copy.metadata->>'shadow_of' end)::uuid`

/** Whether both sides of a pair say something of their variants. */
export const isComparable = sql`(copy.purpose = 'shadow' and copy.status <> 'aborted'
  and live.status <> 'aborted' and coalesce(live.cache, '') not in ('hit', 'stale'))`

/** Pairs of a copy and its original: each is a subject's side of a comparison. */
const pairs = (at: EvidenceWindow) => sql`
  select live.tenant, coalesce(live.subject, live.id::text) as unit, side.arm, one.started_at, one.status, one.latency_ms, one.cost_usd,
    ${isFailure(sql`one`)} as failed, ${failureKind(sql`one`)} as kind
  from ${copyWithOriginal}
  cross join (values ('candidate'), ('control')) as side (arm)
  join traces one on one.id = case when side.arm = 'candidate' then copy.id else live.id end
  where copy.route = ${at.route} and copy.variant = ${at.candidate} and ${during(sql`copy.started_at`, at)} and ${isComparable}`

/** As the arms of a canary: copies are the candidate's side, their originals the control's. */
export const countShadow = async (db: Database, at: EvidenceWindow): Promise<ByArm<Exposed>> => {
  const rows = await db.execute<ExposedRow>(sql`
    with pairs as (${pairs(at)})
    select arm, ${exposedColumns}
    from (
      select arm, count(*) as answers, max(started_at) as last_at, max(case when failed then 1.0 else 0.0 end)::double precision as failed,
        avg(ln(greatest(latency_ms, 0.001))) filter (where status = 'ok') as latency, avg(cost_usd) as cost
      from pairs group by tenant, unit, arm
    ) as units, (select ${iso(at.stepFromMs)}::timestamptz as step_from) as step
    group by arm`)
  return byArm(rows)
}

/** The first failure of each subject on each side; each side is as likely when both answer alike. */
export const shadowFailures = async (db: Database, at: EvidenceWindow): Promise<BadEvent[]> => {
  const rows = await db.execute<{ at_ms: number; arm: BadEvent['arm']; kind: string }>(sql`
    with pairs as (${pairs(at)})
    select distinct on (tenant, unit, arm) (extract(epoch from started_at) * 1000)::double precision as at_ms, arm, kind
    from pairs where failed order by tenant, unit, arm, started_at`)
  return rows.map(({ at_ms, arm, kind }) => ({ atMs: at_ms, arm, kind, chance: 0.5 }))
}
