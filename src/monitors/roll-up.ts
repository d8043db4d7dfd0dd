import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { Reading } from './signal.ts'
import { signals } from './signals.ts'

/** Sampled requests of a variant in a minute, and those of them whose prompts are embedded. */
export const samplesPerMinute = 200
export const embeddingsPerMinute = 20

/** Requests of a variant in a minute that categorical signals are counted over; of more a uniform share stands for all. */
const countedPerMinute = 6000

export type RolledUp = { fromMs: number; toMs: number; rewritten: number }

/**
 * Counts the live traces of a route since the last time, a bounded stretch at once; undefined when nothing is due. A minute is looked at
 * again when it is as old as the lateness, and written anew when traces have arrived since. It is written as a whole, so doing it twice
 * changes nothing.
 *
 * Categorical signals are counted, for rare values such as failures need many requests. Numbers and texts are read of a sample: detectors
 * compare values, not sums, and a uniform sample serves all of them, where a histogram would fix its bins before anybody knows the
 * reference.
 */
export const rollUp = async (
  tx: Database,
  { route, nowMs, latenessMs, embed }: { route: string; nowMs: number; latenessMs: number; embed: boolean },
): Promise<RolledUp | undefined> => {
  const endMs = Math.floor((nowMs - settleMs) / minuteMs) * minuteMs
  const fromMs = (await watermark(tx, route)) ?? (await firstMinute(tx, route, endMs))
  if (fromMs === undefined || endMs <= fromMs) return undefined
  const toMs = Math.min(endMs, fromMs + stretchMs)
  const lateMs = wholeMinutes(latenessMs)
  const late = await lateMinutes(tx, route, fromMs - lateMs, Math.min(fromMs, toMs - lateMs))
  for (const minute of late) {
    await write(tx, route, minute, minute + minuteMs, embed)
    await trim(tx, route, 'monitor_samples', minute, samplesPerMinute)
    await trim(tx, route, 'monitor_embeddings', minute, embeddingsPerMinute)
  }
  await write(tx, route, fromMs, toMs, embed)
  await tx.execute(sql`
    insert into monitor_watermarks (route, rolled_to) values (${route}, ${iso(toMs)}::timestamptz)
    on conflict (route) do update set rolled_to = excluded.rolled_to`)
  return { fromMs, toMs, rewritten: late.length }
}

/** Minutes are counted and looked at as a whole. */
export const wholeMinutes = (ms: number): number => Math.ceil(ms / minuteMs) * minuteMs

export const watermark = async (db: Database, route: string): Promise<number | undefined> => {
  const [row] = await db.execute<{ rolled_to: string }>(sql`select rolled_to from monitor_watermarks where route = ${route}`)
  return row && Date.parse(row.rolled_to)
}

/** Where counting begins: at the first trace that is there, and no further back than any reference needs. */
const firstMinute = async (tx: Database, route: string, endMs: number): Promise<number | undefined> => {
  const [row] = await tx.execute<{ first: string | null }>(sql`
    select min(started_at) as first from traces t where ${live(route)} and started_at >= ${iso(endMs - longestPastMs)}::timestamptz`)
  if (!row?.first) return undefined
  return Math.floor(Date.parse(row.first) / minuteMs) * minuteMs
}

/** Minutes that were written and whose traces are more, or fewer, now. */
const lateMinutes = async (tx: Database, route: string, fromMs: number, toMs: number): Promise<number[]> => {
  if (toMs <= fromMs) return []
  const rows = await tx.execute<{ minute: string }>(sql`
    select coalesce(found.minute, written.minute) as minute
    from (
      select date_trunc('minute', t.started_at) as minute, count(*) as n from traces t
      where ${live(route)} and ${during(fromMs, toMs)} group by 1
    ) as found
    full join (select minute, sum(requests) as n from monitor_minutes where ${minutes(route, fromMs, toMs)} group by 1) as written
      on written.minute = found.minute
    where found.n is distinct from written.n order by 1`)
  return rows.map(({ minute }) => Date.parse(minute))
}

const write = async (tx: Database, route: string, fromMs: number, toMs: number, embed: boolean): Promise<void> => {
  await tx.execute(sql`delete from monitor_minutes where ${minutes(route, fromMs, toMs)}`)
  await tx.execute(sql`delete from monitor_counts where ${minutes(route, fromMs, toMs)}`)
  await tx.execute(sql`
    insert into monitor_minutes (route, variant_hash, minute, variant, requests)
    select ${route}, t.variant_hash, date_trunc('minute', t.started_at), max(t.variant), count(*)
    from traces t where ${live(route)} and ${during(fromMs, toMs)} group by 2, 3`)
  // At high rates most requests are told by their priority alone, and are neither grouped nor sorted. Those that are left fall into few
  // groups, and only these are taken apart by signal.
  await tx.execute(sql`
    with found as materialized (
      select t.*, m.minute, m.requests, ${priority} as priority
      from traces t join monitor_minutes m
        on m.route = ${route} and m.variant_hash = t.variant_hash and m.minute = date_trunc('minute', t.started_at)
      where ${live(route)} and ${during(fromMs, toMs)} and ${priority} * m.requests < ${countedPerMinute}
    ), sampled as (
      insert into monitor_samples (trace_id, route, variant_hash, minute, priority)
      select id, ${route}, variant_hash, minute, priority
      from (
        select id, variant_hash, minute, priority, row_number() over (partition by variant_hash, minute order by priority) as place
        from found where priority * requests < ${3 * samplesPerMinute}
      ) as ranked
      where place <= ${samplesPerMinute} on conflict (trace_id) do nothing
    ), grouped as (
      select t.variant_hash, t.minute, t.requests, count(*) as n,
        ${sql.join(
          counted.map(({ value }, index) => sql`${value} as ${column(index)}`),
          sql`, `,
        )}
      from found t group by 1, 2, 3, ${sql.join(
        counted.map((_, index) => column(index)),
        sql`, `,
      )}
    )
    insert into monitor_counts (route, variant_hash, minute, signal, value, n)
    select ${route}, variant_hash, minute, signal, value, round(sum(n * requests / in_all))
    from (select *, sum(n) over (partition by variant_hash, minute) as in_all from grouped) as grouped
      cross join lateral (values ${sql.join(
        counted.map(({ name }, index) => sql`(${name}, left(${column(index)}, 200))`),
        sql`, `,
      )}) as one (signal, value)
    where value is not null group by 2, 3, 4, 5`)
  if (embed) await markForEmbedding(tx, route, fromMs, toMs)
}

const markForEmbedding = async (tx: Database, route: string, fromMs: number, toMs: number): Promise<void> => {
  await tx.execute(sql`
    insert into monitor_embeddings (trace_id, route, variant_hash, minute, priority)
    select trace_id, route, variant_hash, minute, priority from (
      select s.*, row_number() over (partition by variant_hash, minute order by priority) as place from monitor_samples s
      where ${minutes(route, fromMs, toMs)}
    ) as ranked
    where place <= ${embeddingsPerMinute} on conflict (trace_id) do nothing`)
}

/** Drops those that a later trace has pushed out: a sample must hold the lowest priorities and nothing else. */
const trim = async (
  tx: Database,
  route: string,
  table: 'monitor_samples' | 'monitor_embeddings',
  minute: number,
  most: number,
): Promise<void> => {
  await tx.execute(sql`
    delete from ${sql.identifier(table)} where trace_id in (
      select trace_id from (
        select trace_id, row_number() over (partition by variant_hash order by priority) as place
        from ${sql.identifier(table)} where ${minutes(route, minute, minute + minuteMs)}
      ) as ranked where place > ${most}
    )`)
}

const counted = signals.flatMap(({ name, read }) =>
  read.from === 'trace' ? [{ name, value: (read as Extract<Reading, { from: 'trace' }>).value }] : [],
)
const column = (index: number) => sql.identifier(`signal_${index}`)

const minutes = (route: string, fromMs: number, toMs: number) =>
  sql`route = ${route} and minute >= ${iso(fromMs)}::timestamptz and minute < ${iso(toMs)}::timestamptz`
const live = (route: string) => sql`t.route = ${route} and t.purpose = 'live' and t.variant_hash is not null`
const during = (fromMs: number, toMs: number) =>
  sql`t.started_at >= ${iso(fromMs)}::timestamptz and t.started_at < ${iso(toMs)}::timestamptz`
/** The same for a trace whenever it is looked at, and not the client's to choose. */
const priority = sql`(uuid_hash_extended(t.id, 20261127) / 18446744073709551616.0::double precision + 0.5)`

const iso = (ms: number) => new Date(ms).toISOString()
const minuteMs = 60_000
/** Traces of requests that end at once are there by then. */
const settleMs = 5_000
const stretchMs = 60 * minuteMs
const longestPastMs = 60 * 86_400_000
