import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { Stretch } from './distribution.ts'
import type { MonitorPlan } from './plan.ts'
import type { Reference } from './reference.ts'
import { wholeMinutes } from './roll-up.ts'

/** The next window of a variant that has ended and been counted; undefined while there is none. Windows follow one another, but for those without traffic. */
export const nextWindow = async (
  db: Database,
  plan: Pick<MonitorPlan, 'window' | 'latenessMs'>,
  reference: Reference,
  rolledToMs: number,
): Promise<Stretch | undefined> => {
  const sinceMs = (await lastWindowEnd(db, reference.id)) ?? reference.toMs
  // What is older than the lateness has arrived, and was looked at again.
  const readyMs = rolledToMs - wholeMinutes(plan.latenessMs)
  const of = (fromMs: number, toMs: number): Stretch => ({ route: reference.route, variantHash: reference.variantHash, fromMs, toMs })
  if ('requests' in plan.window) {
    const endMs = await endOfRequests(db, of(sinceMs, readyMs), plan.window.requests)
    return endMs === undefined ? undefined : of(sinceMs, endMs)
  }
  const lengthMs = plan.window.minutes * minuteMs
  const firstMs = await firstRequest(db, of(Math.max(Math.ceil(sinceMs / lengthMs) * lengthMs, readyMs - longestPastMs), readyMs))
  if (firstMs === undefined) return undefined
  const fromMs = Math.floor(firstMs / lengthMs) * lengthMs
  return fromMs + lengthMs <= readyMs ? of(fromMs, fromMs + lengthMs) : undefined
}

const lastWindowEnd = async (db: Database, referenceId: string): Promise<number | undefined> => {
  const [row] = await db.execute<{ to_at: string | null }>(
    sql`select max(to_at) as to_at from monitor_windows where reference_id = ${referenceId}`,
  )
  return row?.to_at ? Date.parse(row.to_at) : undefined
}

const firstRequest = async (db: Database, { route, variantHash, fromMs, toMs }: Stretch): Promise<number | undefined> => {
  const [row] = await db.execute<{ minute: string | null }>(sql`
    select min(minute) as minute from monitor_minutes
    where route = ${route} and variant_hash = ${variantHash} and minute >= ${iso(fromMs)}::timestamptz and minute < ${iso(toMs)}::timestamptz`)
  return row?.minute ? Date.parse(row.minute) : undefined
}

const endOfRequests = async (
  db: Database,
  { route, variantHash, fromMs, toMs }: Stretch,
  requests: number,
): Promise<number | undefined> => {
  const [row] = await db.execute<{ minute: string | null }>(sql`
    select min(minute) as minute from (
      select minute, sum(requests) over (order by minute) as total from monitor_minutes
      where route = ${route} and variant_hash = ${variantHash} and minute >= ${iso(fromMs)}::timestamptz and minute < ${iso(toMs)}::timestamptz
    ) as running where total >= ${requests}`)
  return row?.minute ? Date.parse(row.minute) + minuteMs : undefined
}

/** Samples of a stretch that nobody has read yet, or prompts that nobody has embedded. */
export const isUnread = async (db: Database, { route, fromMs, toMs }: Stretch): Promise<{ samples: boolean; embeddings: boolean }> => {
  const during = sql`route = ${route} and minute >= ${iso(fromMs)}::timestamptz and minute < ${iso(toMs)}::timestamptz`
  const [row] = await db.execute<{ samples: boolean; embeddings: boolean }>(sql`
    select exists (select from monitor_samples where ${during} and signals is null) as samples,
      exists (select from monitor_embeddings where ${during} and model is null) as embeddings`)
  return row ?? { samples: false, embeddings: false }
}

const iso = (ms: number) => new Date(ms).toISOString()
const minuteMs = 60_000
const longestPastMs = 14 * 86_400_000
