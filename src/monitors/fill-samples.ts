import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { storableJson } from '../lib/storable-json.ts'
import type { TracePayload } from '../traces/trace.ts'
import type { SampledTrace } from './signal.ts'
import { signals } from './signals.ts'

/**
 * Reads the sampled traces that nobody has read yet; returns how many. In small groups with a pause between them: telling a language takes
 * part of a millisecond, and requests go first.
 */
export const fillSamples = async (db: Database, route: string, signal: AbortSignal): Promise<number> => {
  let read = 0
  // Where to look on: the index keeps what was read until it is vacuumed.
  let fromMinute = '-infinity'
  while (!signal.aborted) {
    const rows = await unread(db, route, fromMinute)
    if (rows.length === 0) break
    fromMinute = rows.at(-1)?.minute ?? fromMinute
    const records: { id: string; signals: Record<string, number | string> }[] = []
    for (const [index, { id, minute: _, ...trace }] of rows.entries()) {
      records.push({ id, signals: valuesOf(trace) })
      if (index % pauseEvery === pauseEvery - 1) await new Promise((resolve) => setImmediate(resolve))
    }
    await db.execute(sql`
      update monitor_samples s set signals = given.signals
      from jsonb_to_recordset(${storableJson(JSON.stringify(records))}::jsonb) as given (id uuid, signals jsonb)
      where s.trace_id = given.id`)
    read += rows.length
  }
  return read
}

/** By signal; those that a request does not have are left out. */
export const valuesOf = (trace: SampledTrace): Record<string, number | string> => {
  const values: Record<string, number | string> = {}
  for (const { name, read } of signals) {
    if (read.from !== 'sample') continue
    const value = read.value(trace)
    if (typeof value === 'boolean') values[name] = value ? 'yes' : 'no'
    else if (typeof value === 'string') values[name] = value.slice(0, 200)
    else if (value !== null && Number.isFinite(value)) values[name] = value
  }
  return values
}

const unread = async (db: Database, route: string, fromMinute: string): Promise<(SampledTrace & { id: string; minute: string })[]> => {
  const rows = await db.execute<{
    id: string
    minute: string
    endpoint: string | null
    status: string
    prompt_tokens: number | null
    completion_tokens: number | null
    cost_usd: number | null
    cache: string | null
    latency_ms: number
    first_token_ms: number | null
    payload: TracePayload | null
  }>(sql`
    select s.trace_id as id, s.minute, t.endpoint, t.status, t.prompt_tokens, t.completion_tokens, t.cost_usd, t.cache, t.latency_ms, t.first_token_ms,
      p.payload
    from (
      select trace_id, minute from monitor_samples
      where route = ${route} and signals is null and minute >= ${fromMinute}::timestamptz order by minute limit ${groupSize}
    ) as s
    left join traces t on t.id = s.trace_id left join trace_payloads p on p.id = s.trace_id order by s.minute`)
  return rows.map((row) => ({
    id: row.id,
    minute: row.minute,
    // A trace that expired meanwhile has nothing to tell.
    endpoint: row.endpoint ?? '',
    status: row.status,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    costUsd: row.cost_usd,
    cache: row.cache,
    latencyMs: row.latency_ms,
    firstTokenMs: row.first_token_ms,
    payload: row.payload,
  }))
}

const groupSize = 100
const pauseEvery = 5
