import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { metricByVariant, statements } from '../feedback/evidence.ts'
import type { Metrics, NumberMetric } from '../feedback/metric.ts'
import { observeEvent, startEventEProcess } from '../lib/stats/e-process.ts'
import type { Moments } from '../lib/stats/sample.ts'
import type { ByArm, RolloutEvidence } from './assess.ts'
import { isOver } from './decide.ts'
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
  mayBeFailure,
  none,
} from './exposed.ts'
import { compares, type PlannedMetric } from './plan.ts'
import { countShadow, shadowFailures } from './shadow-evidence.ts'
import type { Rollout, RolloutEvent } from './store.ts'

export type EvidenceOptions = {
  rollout: Rollout
  /** Of the rollout, oldest first. */
  events: readonly RolloutEvent[]
  declared: Metrics
  /** Whether everybody on the stable variant is compared, and not the control alone: where nothing is cached and nobody has a third variant. */
  everyone: boolean
}

/** What the traces and the feedback of a rollout say so far. A few statements; the two that find failures read failures only. */
export const readEvidence = async (db: Database, options: EvidenceOptions): Promise<RolloutEvidence> => {
  const { rollout, events, declared } = options
  const steps = stepsOf(rollout, events)
  const first = steps[0]
  if (first === undefined) return nothing
  const at: EvidenceWindow = {
    ...rollout,
    fromMs: first.fromMs,
    stepFromMs: steps.at(-1)?.fromMs ?? first.fromMs,
    toMs: events.find(({ toStatus }) => isOver(toStatus as Rollout['status']))?.atMs,
  }
  const stepNow = rollout.plan.steps[rollout.step]

  const dealt = await countDealt(db, at)
  const shadowed = steps.some(({ mode }) => mode === 'shadow')
  const shadow = shadowed && stepNow?.mode === 'shadow' ? await countShadow(db, at) : none()
  const compared = stepNow?.mode === 'shadow' ? shadow : dealt
  const failed = [...(await liveFailures(db, at, options.everyone)), ...(shadowed ? await shadowFailures(db, at) : [])]
  const failures = countEvents('failures', failed, (atMs) => chanceAt(steps, atMs, options.everyone))

  const means: RolloutEvidence['means'][number][] = [
    { name: 'failures', ...both(compared, (arm) => arm.failed) },
    { name: 'latency', ...both(compared, (arm) => arm.latency) },
    { name: 'cost', ...both(compared, (arm) => arm.cost) },
  ]
  const bad: RolloutEvidence['events'][number][] = []
  for (const metric of rollout.plan.metrics) {
    const said = await readMetric(db, at, metric, declared)
    if (said === undefined) continue
    means.push({ name: metric.name, ...said.moments })
    if (said.events) bad.push(countEvents(metric.name, said.events, () => 0.5))
  }
  return {
    subjects: {
      step: { candidate: compared.candidate.inStep, control: compared.control.inStep },
      dealt: { candidate: dealt.candidate.all, control: dealt.control.all },
    },
    events: [failures, ...bad],
    means,
  }
}

const nothing: RolloutEvidence = {
  subjects: { step: { candidate: 0, control: 0 }, dealt: { candidate: 0, control: 0 } },
  events: [],
  means: [],
}

type StepTaken = { fromMs: number; mode: string; weightPercent: number; compares: boolean }

/** The steps that were entered, with when. */
const stepsOf = ({ plan }: Rollout, events: readonly RolloutEvent[]): StepTaken[] =>
  events.flatMap((event) => {
    const step = plan.steps[event.toStep]
    const entered = event.kind === 'start' || event.fromStep !== event.toStep
    if (!entered || event.kind === 'create' || step === undefined) return []
    return [{ fromMs: event.atMs, mode: step.mode, weightPercent: step.weightPercent, compares: compares(step) }]
  })

/** The chance that a subject who failed then was dealt to the candidate, rather than to those it is compared with. Null: nothing was dealt. */
const chanceAt = (steps: readonly StepTaken[], atMs: number, everyone: boolean): number | null => {
  const step = steps.findLast(({ fromMs }) => fromMs <= atMs)
  if (step === undefined || step.mode === 'shadow' || !step.compares) return null
  return everyone ? step.weightPercent / 100 : 0.5
}

const countEvents = (
  name: string,
  found: readonly BadEvent[],
  chanceOf: (atMs: number) => number | null,
): RolloutEvidence['events'][number] => {
  const counts = { candidate: 0, control: 0 }
  const kinds: Record<string, ByArm<number>> = {}
  let process = startEventEProcess()
  for (const event of found.toSorted((left, right) => left.atMs - right.atMs)) {
    const chance = event.chance ?? chanceOf(event.atMs)
    if (chance === null) continue
    process = observeEvent(process, { canary: event.arm === 'candidate', weight: chance })
    counts[event.arm] += 1
    const kind = kinds[event.kind] ?? { candidate: 0, control: 0 }
    kinds[event.kind] = { ...kind, [event.arm]: kind[event.arm] + 1 }
  }
  return { name, process, counts, kinds }
}

/** The first failure of each subject. */
const liveFailures = async (db: Database, at: EvidenceWindow, everyone: boolean): Promise<BadEvent[]> => {
  const rows = await db.execute<{ at_ms: number; arm: BadEvent['arm'] | null; kind: string }>(sql`
    select distinct on (t.tenant, coalesce(t.subject, t.id::text)) (extract(epoch from t.started_at) * 1000)::double precision as at_ms,
      t.arm, ${failureKind(sql`t`)} as kind
    from traces t
    where t.route = ${at.route} and t.purpose = 'live' and ${during(sql`t.started_at`, at)}
      and ${mayBeFailure} and ${isFailure(sql`t`)}
      and (t.arm is not null ${everyone ? sql`or (t.variant = ${at.stable} and t.rule is null)` : sql``})
    order by t.tenant, coalesce(t.subject, t.id::text), t.started_at, t.id`)
  return rows.map(({ at_ms, arm, kind }) => ({ atMs: at_ms, arm: arm ?? 'control', kind }))
}

/** Subjects of both arms. Answers from the cache are in `all` alone: they tell of nobody's quality. */
const countDealt = async (db: Database, at: EvidenceWindow): Promise<ByArm<Exposed>> => {
  const rows = await db.execute<ExposedRow>(sql`
    select arm, ${exposedColumns}
    from (
      select arm, count(*) filter (where fresh) as answers, max(started_at) filter (where fresh) as last_at,
        max(failed) filter (where fresh) as failed, avg(ln(greatest(latency_ms, 0.001))) filter (where fresh and status = 'ok') as latency,
        avg(cost_usd) filter (where fresh) as cost
      from (
        select t.*, coalesce(t.cache, '') not in ('hit', 'stale') and t.status <> 'aborted' as fresh,
          case when ${isFailure(sql`t`)} then 1.0 else 0.0 end::double precision as failed
        from traces t
        where t.route = ${at.route} and t.arm is not null and t.purpose = 'live' and ${during(sql`t.started_at`, at)}
      ) as seen
      group by tenant, coalesce(subject, id::text), arm
    ) as units, (select ${iso(at.stepFromMs)}::timestamptz as step_from) as step
    group by arm`)
  return byArm(rows)
}

/** Feedback that was given to one side's subjects. Undefined for what is no feedback metric any more. */
const readMetric = async (
  db: Database,
  at: EvidenceWindow,
  planned: PlannedMetric,
  declared: Metrics,
): Promise<{ moments: ByArm<Moments>; events?: BadEvent[] } | undefined> => {
  const metric = declared[planned.name]
  if (metric === undefined || metric.type === 'label') return undefined
  const window = { route: at.route, fromMs: at.fromMs, toMs: at.toMs, by: 'arm' as const }
  const counted = planned.kind === 'events' && metric.type === 'event' ? { ...metric, aggregation: 'any' as const } : metric
  const rows = await metricByVariant(db, window, { name: planned.name, ...counted })
  const of = (arm: string): Moments => rows.find(({ variant }) => variant === arm) ?? { n: 0, mean: 0, variance: 0 }
  const moments = { candidate: of('candidate'), control: of('control') }
  if (planned.kind !== 'events') return { moments }
  const whenGood = planned.direction === 'increase'
  const turned = (one: Moments): Moments => (whenGood && one.n > 0 ? { ...one, mean: 1 - one.mean } : one)
  return {
    moments: { candidate: turned(moments.candidate), control: turned(moments.control) },
    events: await badFeedback(db, at, { name: planned.name, ...metric }, whenGood),
  }
}

/** The first time that each subject of an arm said something bad. Put under one another and grouped, as in feedback/evidence. */
const badFeedback = async (
  db: Database,
  at: EvidenceWindow,
  metric: NumberMetric & { name: string },
  whenGood: boolean,
): Promise<BadEvent[]> => {
  const bad = whenGood ? sql`f.number = 0` : sql`f.number <> 0`
  const rows = await db.execute<{ at_ms: number; arm: BadEvent['arm'] }>(sql`
    with listed as (
      select t.tenant, coalesce(t.subject, t.id::text) as unit, min(t.arm) as arm, null::timestamptz as at from traces t
      where t.route = ${at.route} and t.arm is not null and t.purpose = 'live' and ${during(sql`t.started_at`, at)} group by 1, 2
      union all
      select f.tenant, coalesce(f.subject, t.subject, t.id::text), null, f.at
      from ${statements(metric)} f left join traces t on t.id = f.inference_id and t.tenant = f.tenant
      where ${during(sql`f.at`, at)} and ${bad}
    )
    select max(arm) as arm, (extract(epoch from min(at)) * 1000)::double precision as at_ms from listed
    group by tenant, unit having max(arm) is not null and min(at) is not null`)
  return rows.map(({ at_ms, arm }) => ({ atMs: at_ms, arm, kind: metric.name }))
}

const both = (exposed: ByArm<Exposed>, of: (arm: Exposed) => Moments): ByArm<Moments> => ({
  candidate: of(exposed.candidate),
  control: of(exposed.control),
})
