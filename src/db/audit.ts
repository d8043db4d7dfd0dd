import { and, desc, gte, lt, type SQL, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { AppError } from '../lib/errors.ts'
import { isUuid, uuidv7 } from '../lib/ids.ts'
import type { Database } from './database.ts'
import { auditEvents } from './schema/serve.ts'

/** An admin action: who did what to what, and why. Hashes are of the target before and after it, where it has a state. */
export type AuditEvent = {
  atMs: number
  /** A key id, or what stands for one: `cli`, `startup`, `controller`. */
  actor: string
  /** Noun and verb, such as `key.revoke`. */
  action: string
  /** Kind and id, such as `key/0190…`. */
  target: string
  beforeHash?: string | null | undefined
  afterHash?: string | null | undefined
  reason?: string | null | undefined
}

/** Call it in the transaction of the action itself, so that neither exists without the other. */
export const appendAuditEvent = async (tx: Database, event: AuditEvent): Promise<void> => {
  await tx.insert(auditEvents).values({ id: uuidv7(), ...event })
}

export type AuditFilter = {
  /** Found anywhere in the actor. */
  actor?: string | undefined
  /** The action itself, or its noun: `key` for `key.create` and `key.revoke`. */
  action?: string | undefined
  /** The target itself, or its kind: `key` for every key. */
  target?: string | undefined
  /** Milliseconds since the epoch: from, inclusive, and to, exclusive. */
  fromMs?: number | undefined
  toMs?: number | undefined
}

export type AuditPage = { events: (AuditEvent & { id: string })[]; nextCursor: string | null }

/** Admin actions, newest first, a page at a time. `after` is the `nextCursor` of the page before; throws `invalid_request` for any other. */
export const listAuditEvents = async (
  db: Database,
  filter: AuditFilter,
  page: { limit: number; after?: string | undefined },
): Promise<AuditPage> => {
  const conditions = [
    filter.actor === undefined ? undefined : sql`position(${filter.actor} in ${auditEvents.actor}) > 0`,
    filter.action === undefined ? undefined : isOrStartsWith(auditEvents.action, filter.action, '.'),
    filter.target === undefined ? undefined : isOrStartsWith(auditEvents.target, filter.target, '/'),
    filter.fromMs === undefined ? undefined : gte(auditEvents.atMs, filter.fromMs),
    filter.toMs === undefined ? undefined : lt(auditEvents.atMs, filter.toMs),
    page.after === undefined ? undefined : before(page.after),
  ]
  const rows = await db
    .select()
    .from(auditEvents)
    .where(and(...conditions))
    .orderBy(desc(auditEvents.atMs), desc(auditEvents.id))
    .limit(page.limit + 1)
  const events = rows.slice(0, page.limit)
  const last = events.at(-1)
  return { events, nextCursor: rows.length > page.limit && last ? `${last.atMs}_${last.id}` : null }
}

const isOrStartsWith = (column: AnyPgColumn, text: string, separator: string): SQL =>
  sql`(${column} = ${text} or starts_with(${column}, ${text + separator}))`

const before = (cursor: string): SQL => {
  const [ms = '', id = ''] = cursor.split('_')
  if (!/^\d{1,15}$/.test(ms) || !isUuid(id)) throw new AppError('invalid_request', 'after is not a cursor of this list', { param: 'after' })
  return sql`(${auditEvents.atMs}, ${auditEvents.id}) < (${new Date(Number(ms)).toISOString()}::timestamptz, ${id}::uuid)`
}
