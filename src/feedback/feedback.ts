import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { feedback } from '../db/schema/feedback.ts'
import { traces } from '../db/schema/serve.ts'
import { isOutage } from '../db/sql-state.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import { uuidv7, uuidv7TimeMs } from '../lib/ids.ts'
import { storableJson } from '../lib/storable-json.ts'
import type { Metrics } from './metric.ts'
import { storedValue } from './value.ts'

export type FeedbackItem = {
  metric: string
  value: unknown
  inferenceId?: string | undefined
  subject?: string | undefined
  session?: string | undefined
  /** When it happened; now when absent. Milliseconds since the epoch. */
  atMs?: number | undefined
  idempotencyKey?: string | undefined
  tags?: { [key: string]: string } | undefined
}

/** `matched`: whether the trace of the answer is there already; null when no answer was named. `duplicate`: the key was seen before. */
export type Acknowledgement = { id: string; duplicate: boolean; matched: boolean | null }

export type Feedback = {
  /**
   * Stores all of the items or none, and resolves once they are committed. Throws `invalid_request` for the first bad one, its `param`
   * within `items[n]` when `many`; `conflict` when an idempotency key was used for something else; `unavailable` when Postgres is away.
   */
  add(items: readonly FeedbackItem[], from: { tenant: string; keyId: string | null; many: boolean }): Promise<Acknowledgement[]>
}

/** Feedback goes straight to the database: it is rare beside requests, and what is acknowledged must not be lost. */
export const createFeedback = ({ db, metrics, clock }: { db: Database; metrics: () => Metrics; clock: Clock }): Feedback => ({
  add: async (items, { tenant, keyId, many }) => {
    const nowMs = clock()
    const rows = items.map((item, index) => named(index, many, () => toRow(item, metrics(), { tenant, keyId, nowMs })))
    try {
      const known = await knownInferences(db, tenant, rows)
      rows.forEach((row, index) => {
        named(index, many, () => refuseStranger(row, known, nowMs))
      })
      const ids = await store(db, tenant, rows)
      return rows.map((row, index) => {
        const id = ids[index] ?? row.id
        return { id, duplicate: id !== row.id, matched: row.inferenceId === null ? null : known.has(row.inferenceId) }
      })
    } catch (error) {
      throw isOutage(error) ? new AppError('unavailable', away, { cause: error, retryAfterMs: 1_000 }) : error
    }
  },
})

type Row = typeof feedback.$inferInsert & { inferenceId: string | null; idempotencyKey: string | null }

const toRow = (item: FeedbackItem, metrics: Metrics, from: { tenant: string; keyId: string | null; nowMs: number }): Row => {
  const { metric, value, inferenceId, subject, session, atMs, idempotencyKey, tags } = item
  const stored = storedValue(metrics, metric, value, { inferenceId, subject: subject ?? session })
  if (atMs !== undefined && atMs > from.nowMs + clockSkewMs) throw fault('at', 'lies in the future')
  return {
    id: uuidv7(),
    tenant: from.tenant,
    metric,
    inferenceId: inferenceId?.toLowerCase() ?? null,
    // Requests without a user belong to their session.
    subject: subject ?? session ?? null,
    session: session ?? null,
    ...stored,
    atMs: atMs ?? from.nowMs,
    receivedAtMs: from.nowMs,
    keyId: from.keyId,
    idempotencyKey: idempotencyKey ?? null,
    fingerprint: hashOf({ metric, value, inferenceId, subject, session, atMs, tags }),
    tags: tags ?? null,
  }
}

/** Those of the named inferences whose trace has arrived. Another tenant's does not exist. */
const knownInferences = async (db: Database, tenant: string, rows: readonly Row[]): Promise<Set<string>> => {
  const ids = [...new Set(rows.flatMap((row) => row.inferenceId ?? []))]
  if (ids.length === 0) return new Set()
  const found = await db
    .select({ id: traces.id })
    .from(traces)
    .where(and(eq(traces.tenant, tenant), inArray(traces.id, ids)))
  return new Set(found.map((trace) => trace.id))
}

/** A recent answer may still be in the spool, for as long as Postgres was away; an old one without a trace was never given. */
const refuseStranger = ({ inferenceId }: Row, known: ReadonlySet<string>, nowMs: number): void => {
  if (inferenceId === null || known.has(inferenceId)) return
  const madeMs = inferenceId[14] === '7' ? uuidv7TimeMs(inferenceId) : 0
  if (madeMs < nowMs - recentMs || madeMs > nowMs + clockSkewMs) throw fault('inference_id', `no answer has the id ${inferenceId}`)
}

/** The id under which each row is kept: its own, or that of the earlier row with its idempotency key. */
const store = (db: Database, tenant: string, rows: readonly Row[]): Promise<string[]> =>
  db.transaction(async (tx) => {
    const inserted = await insertFeedback(tx, rows)
    const keys = rows.flatMap((row) => (inserted.has(row.id) ? [] : (row.idempotencyKey ?? [])))
    const earlier = keys.length > 0 ? await findByKeys(tx, tenant, keys) : new Map<string, { id: string; fingerprint: string }>()
    return rows.map((row) => {
      if (inserted.has(row.id)) return row.id
      const first = earlier.get(row.idempotencyKey ?? '')
      if (first?.fingerprint === row.fingerprint) return first.id
      throw new AppError('conflict', `the idempotency_key '${row.idempotencyKey}' was used for other feedback`, {
        param: 'idempotency_key',
      })
    })
  })

const insertFeedback = async (db: Database, rows: readonly Row[]): Promise<Set<string>> => {
  const records = rows.map(({ atMs, receivedAtMs, ...row }) => ({ ...row, at: iso(atMs), receivedAt: iso(receivedAtMs) }))
  const inserted = await db.execute<{ id: string }>(sql`
    insert into feedback (id, tenant, metric, inference_id, subject, session, number, content, at, received_at, key_id,
      idempotency_key, fingerprint, tags)
    select id, tenant, metric, "inferenceId", subject, session, number, nullif(content, 'null'::jsonb), at, "receivedAt", "keyId",
      "idempotencyKey", fingerprint, nullif(tags, 'null'::jsonb)
    from jsonb_to_recordset(${storableJson(JSON.stringify(records))}::jsonb) as record (id uuid, tenant text, metric text,
      "inferenceId" uuid, subject text, session text, number double precision, content jsonb, at timestamptz, "receivedAt" timestamptz,
      "keyId" text, "idempotencyKey" text, fingerprint text, tags jsonb)
    on conflict (tenant, idempotency_key) where idempotency_key is not null do nothing
    returning id`)
  return new Set(inserted.map((row) => row.id))
}

const findByKeys = async (db: Database, tenant: string, keys: string[]): Promise<Map<string, { id: string; fingerprint: string }>> => {
  const rows = await db
    .select({ key: feedback.idempotencyKey, id: feedback.id, fingerprint: feedback.fingerprint })
    .from(feedback)
    .where(and(eq(feedback.tenant, tenant), inArray(feedback.idempotencyKey, keys)))
  return new Map(rows.map(({ key, ...row }) => [key ?? '', row]))
}

/** Runs a check of one item of several; its error says of which. */
const named = <T>(index: number, many: boolean, check: () => T): T => {
  try {
    return check()
  } catch (error) {
    if (!many || !(error instanceof AppError)) throw error
    throw new AppError(error.code, `items[${index}]: ${error.message}`, { param: `items[${index}].${error.param}`, cause: error })
  }
}

const fault = (param: string, message: string) => new AppError('invalid_request', `'${param}': ${message}`, { param })
const iso = (ms: number) => new Date(ms).toISOString()

const away = 'the feedback was not stored because the database is away; send it again with an idempotency_key'
const clockSkewMs = 5 * 60_000
const recentMs = 7 * 86_400_000
