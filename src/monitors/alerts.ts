import { and, asc, desc, eq, inArray, ne, sql } from 'drizzle-orm'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { monitorAlertEvents, monitorAlerts, monitorSilences } from '../db/schema/monitors.ts'
import { AppError } from '../lib/errors.ts'
import { isUuid, uuidv7 } from '../lib/ids.ts'
import type { Tag } from './signal.ts'

/** That a signal of a variant has left its reference. One at a time for a signal; its history is in the events. */
export type Alert = typeof monitorAlerts.$inferSelect
export type AlertEvent = typeof monitorAlertEvents.$inferSelect
export type Silence = typeof monitorSilences.$inferSelect

export type AlertEventKind = 'open' | 'acknowledge' | 'note' | 'resolve' | 'drift' | 'quiet' | 'action'
export type By = { actor: string; note: string | null; nowMs: number }

export type NewAlert = { route: string; variant: string; variantHash: string; signal: string; tag: Tag; windowId: string | null }

/** Undefined when one is open already: then that it goes on is added to it. */
export const openAlert = async (db: Database, alert: NewAlert, by: By & { detail: unknown }): Promise<Alert | undefined> => {
  const live = await liveAlert(db, alert.route, alert.variantHash, alert.signal)
  if (live) {
    await addEvent(db, live.id, 'drift', by)
    return undefined
  }
  const [row] = await db
    .insert(monitorAlerts)
    .values({ id: uuidv7(), ...alert, state: 'open', openedAtMs: by.nowMs })
    .returning()
  await addEvent(db, (row as Alert).id, 'open', by)
  return row
}

export const liveAlert = async (db: Database, route: string, variantHash: string, signal: string): Promise<Alert | undefined> => {
  const [row] = await db
    .select()
    .from(monitorAlerts)
    .where(
      and(
        eq(monitorAlerts.route, route),
        eq(monitorAlerts.variantHash, variantHash),
        eq(monitorAlerts.signal, signal),
        ne(monitorAlerts.state, 'resolved'),
      ),
    )
  return row
}

export const acknowledgeAlert = (db: Database, id: string, by: By & { owner: string }): Promise<Alert> =>
  change(db, id, ['open', 'acknowledged'], 'acknowledge', { state: 'acknowledged', owner: by.owner }, by)

export const resolveAlert = (db: Database, id: string, by: By): Promise<Alert> =>
  change(db, id, ['open', 'acknowledged'], 'resolve', { state: 'resolved' }, by)

export const noteAlert = async (db: Database, id: string, by: By & { note: string }): Promise<Alert> => {
  const alert = await findAlert(db, id)
  await addEvent(db, alert.id, 'note', by)
  return alert
}

export const addEvent = async (db: Database, alertId: string, kind: AlertEventKind, by: By & { detail?: unknown }): Promise<void> => {
  const { actor, note, nowMs, detail = null } = by
  await db.insert(monitorAlertEvents).values({ id: uuidv7(), alertId, kind, actor, note, detail, atMs: nowMs })
}

/** Throws `not_found`. */
export const findAlert = async (db: Database, id: string): Promise<Alert> => {
  const [row] = isUuid(id) ? await db.select().from(monitorAlerts).where(eq(monitorAlerts.id, id)) : []
  if (row === undefined) throw new AppError('not_found', `there is no alert ${id}: weir drift alerts shows them`)
  return row
}

/** Newest first. `states`: all when absent. */
export const listAlerts = (
  db: Database,
  filter: { route?: string | undefined; states?: readonly Alert['state'][] | undefined; limit: number },
): Promise<Alert[]> =>
  db
    .select()
    .from(monitorAlerts)
    .where(
      and(
        filter.route === undefined ? undefined : eq(monitorAlerts.route, filter.route),
        filter.states === undefined ? undefined : inArray(monitorAlerts.state, [...filter.states]),
      ),
    )
    .orderBy(desc(monitorAlerts.seq))
    .limit(filter.limit)

export const alertEvents = (db: Database, alertId: string): Promise<AlertEvent[]> =>
  db.select().from(monitorAlertEvents).where(eq(monitorAlertEvents.alertId, alertId)).orderBy(asc(monitorAlertEvents.seq))

/** Takes the oldest alert of a route whose actions are due, for as long as they may take; undefined when there is none. */
export const takeUnacted = async (db: Database, route: string, nowMs: number, forMs: number): Promise<Alert | undefined> => {
  const now = new Date(nowMs).toISOString()
  const [row] = await db
    .update(monitorAlerts)
    .set({ actingUntilMs: nowMs + forMs })
    .where(
      sql`${monitorAlerts.id} = (
        select id from monitor_alerts where route = ${route} and acted_at is null and coalesce(acting_until, '-infinity') < ${now}::timestamptz
        order by seq limit 1 for update skip locked
      )`,
    )
    .returning()
  return row
}

export const markActed = async (db: Database, id: string, nowMs: number): Promise<void> => {
  await db.update(monitorAlerts).set({ actedAtMs: nowMs }).where(eq(monitorAlerts.id, id))
}

export type NewSilence = {
  route: string
  signal: string | null
  fromMs: number
  toMs: number
  actor: string
  reason: string
  nowMs: number
}

/** Throws `invalid_request` for a time that is over, or ends before it begins. */
export const silence = async (db: Database, { nowMs, ...given }: NewSilence): Promise<Silence> => {
  if (given.toMs <= Math.max(given.fromMs, nowMs)) {
    throw new AppError('invalid_request', 'the silence would be over before it begins: it needs an end in the future, after its start', {
      param: 'to',
    })
  }
  return db.transaction(async (tx) => {
    const [row] = await tx
      .insert(monitorSilences)
      .values({ id: uuidv7(), ...given, atMs: nowMs })
      .returning()
    const { actor, reason, route } = given
    await appendAuditEvent(tx, { atMs: nowMs, actor, action: 'drift_silence.create', target: `route/${route}`, reason })
    return row as Silence
  })
}

/** Silences that are not over. */
export const listSilences = async (db: Database, nowMs: number): Promise<Silence[]> =>
  db
    .select()
    .from(monitorSilences)
    .where(sql`${monitorSilences.toMs} > ${new Date(nowMs).toISOString()}::timestamptz`)
    .orderBy(asc(monitorSilences.fromMs))

export const isSilenced = (silences: readonly Silence[], route: string, signal: string, nowMs: number): boolean =>
  silences.some((one) => one.route === route && (one.signal ?? signal) === signal && one.fromMs <= nowMs && nowMs < one.toMs)

const change = async (
  db: Database,
  id: string,
  allowed: Alert['state'][],
  kind: AlertEventKind,
  to: Partial<Alert>,
  by: By,
): Promise<Alert> => {
  const found = await findAlert(db, id)
  return db.transaction(async (tx) => {
    const [row] = await tx
      .update(monitorAlerts)
      .set(to)
      .where(and(eq(monitorAlerts.id, id), inArray(monitorAlerts.state, allowed)))
      .returning()
    if (row === undefined) throw new AppError('conflict', `the alert of ${found.signal} is ${found.state}, so it cannot be changed`)
    await addEvent(tx, id, kind, by)
    const { actor, note: reason, nowMs: atMs } = by
    await appendAuditEvent(tx, { atMs, actor, action: `drift_alert.${kind}`, target: `drift_alert/${id}`, reason })
    return row
  })
}
