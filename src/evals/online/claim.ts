import { sql } from 'drizzle-orm'
import { tryLockedTransaction } from '../../db/advisory-lock.ts'
import type { Database } from '../../db/database.ts'

export type Claim = { traceId: string; attempts: number }

export type ClaimOptions = {
  route: string
  samplePercent: number
  limit: number
  nowMs: number
  /** How long a claim is this replica's alone. */
  holdMs: number
}

/**
 * Takes traces that are to be scored, so that no other replica does: first those of a replica that died, then new ones of the sample, the
 * oldest first. Undefined when another replica is looking.
 *
 * A trace is of the sample when the hash of the route and its id falls into the share: whoever looks, and however often, it is the same ones.
 */
export const claimTraces = (db: Database, options: ClaimOptions): Promise<Claim[] | undefined> =>
  tryLockedTransaction(db, `online-scores/${options.route}`, async (tx) => {
    const left = await takeOver(tx, options)
    const open = options.limit - left.length
    return open > 0 ? [...left, ...(await takeNew(tx, { ...options, limit: open }))] : left
  })

const takeOver = async (tx: Database, { route, limit, nowMs, holdMs }: ClaimOptions): Promise<Claim[]> => {
  const rows = await tx.execute<{ trace_id: string; attempts: number }>(sql`
    update online_score_claims set attempts = attempts + 1, until = ${iso(nowMs + holdMs)}::timestamptz
    where trace_id in (
      select trace_id from online_score_claims where route = ${route} and until < ${iso(nowMs)}::timestamptz order by started_at limit ${limit}
    )
    returning trace_id, attempts`)
  return rows.map(({ trace_id: traceId, attempts }) => ({ traceId, attempts }))
}

const takeNew = async (tx: Database, options: ClaimOptions): Promise<Claim[]> => {
  const { route, samplePercent, limit, nowMs, holdMs } = options
  const fromMs = await lookedTo(tx, route, nowMs)
  // The sample first: it is small, and what it is compared with is not.
  const rows = await tx.execute<{ id: string; at_ms: number }>(sql`
    with sampled as materialized (
      select t.id, t.started_at from traces t
      where t.route = ${route} and t.started_at >= ${iso(fromMs - lateMs)}::timestamptz
        and t.purpose = 'live' and t.endpoint = 'chat' and t.status = 'ok' and coalesce(t.cache, '') not in ('hit', 'stale')
        and ('x' || substr(encode(sha256(convert_to(${`${route}/`} || t.id::text, 'UTF8')), 'hex'), 1, 8))::bit(32)::bigint < ${share(samplePercent)}
    )
    select t.id, (extract(epoch from t.started_at) * 1000)::double precision as at_ms from sampled t
    where exists (select 1 from trace_payloads p where p.id = t.id)
      and not exists (select 1 from online_scores s where s.trace_id = t.id)
      and not exists (select 1 from online_score_claims c where c.trace_id = t.id)
    order by t.started_at, t.id limit ${limit}`)
  if (rows.length > 0) {
    const claims = rows.map(({ id, at_ms }) => ({ id, route, startedAt: iso(at_ms), until: iso(nowMs + holdMs) }))
    await tx.execute(sql`
      insert into online_score_claims (trace_id, route, started_at, until)
      select id, route, "startedAt", until from jsonb_to_recordset(${JSON.stringify(claims)}::jsonb)
        as claim (id uuid, route text, "startedAt" timestamptz, until timestamptz)`)
  }
  // With more left than were taken, the next look begins where this one ended.
  const last = rows.length === limit ? rows.at(-1) : undefined
  await mark(tx, route, last === undefined ? nowMs : Math.max(fromMs, last.at_ms))
  return rows.map(({ id }) => ({ traceId: id, attempts: 1 }))
}

/** Passes over what has come meanwhile, such as when the money of the day is spent. */
export const passOver = (db: Database, route: string, nowMs: number): Promise<void> => mark(db, route, nowMs)

const mark = async (tx: Database, route: string, toMs: number): Promise<void> => {
  await tx.execute(sql`
    insert into online_score_marks (route, looked_to) values (${route}, ${iso(toMs)}::timestamptz)
    on conflict (route) do update set looked_to = greatest(online_score_marks.looked_to, excluded.looked_to)`)
}

/** What came before scoring was switched on is not scored, nor what a server that was off for more than a day has missed. */
const lookedTo = async (tx: Database, route: string, nowMs: number): Promise<number> => {
  const [row] = await tx.execute<{ at_ms: number }>(sql`
    select (extract(epoch from looked_to) * 1000)::double precision as at_ms from online_score_marks where route = ${route}`)
  return Math.max(row?.at_ms ?? nowMs, nowMs - dayMs)
}

/** Of 2³². */
const share = (percent: number): number => Math.round((percent / 100) * 2 ** 32)

/** A trace is stored when its answer has ended and the spool was read: so much later than it began. */
const lateMs = 15 * 60_000
const dayMs = 86_400_000

const iso = (ms: number): string => new Date(ms).toISOString()
