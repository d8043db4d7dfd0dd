import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'

/** Days to keep; null keeps for ever. Payloads may go before the metadata, never after. */
export type Retention = { tracesDays: number | null; payloadsDays: number | null }

/**
 * Deletes what is older than its days, in small transactions, and returns how many rows went; then vacuums, for PGlite has no
 * autovacuum to do it. Ends early when the signal aborts.
 */
export const expireTraces = async (
  db: Database,
  { tracesDays, payloadsDays }: Retention,
  nowMs: number,
  signal: AbortSignal,
  batchRows = 1_000,
): Promise<{ traces: number; payloads: number }> => {
  const shortest = Math.min(payloadsDays ?? Number.POSITIVE_INFINITY, tracesDays ?? Number.POSITIVE_INFINITY)
  const payloads = await deleteBefore(db, 'trace_payloads', nowMs - shortest * dayMs, signal, batchRows)
  const traces = await deleteBefore(db, 'traces', nowMs - (tracesDays ?? Number.POSITIVE_INFINITY) * dayMs, signal, batchRows)
  if (traces + payloads > 0 && !signal.aborted) await db.execute(sql`vacuum (analyze) traces, trace_payloads`)
  return { traces, payloads }
}

const deleteBefore = async (db: Database, table: 'traces' | 'trace_payloads', beforeMs: number, signal: AbortSignal, batchRows: number) => {
  if (!Number.isFinite(beforeMs)) return 0
  const before = new Date(beforeMs).toISOString()
  let deleted = 0
  while (!signal.aborted) {
    const { count } = await db.execute(sql`
      delete from ${sql.identifier(table)} where id in (
        select id from ${sql.identifier(table)} where started_at < ${before}::timestamptz order by started_at, id limit ${batchRows}
      )`)
    deleted += count
    if (count < batchRows) break
  }
  return deleted
}

const dayMs = 86_400_000
