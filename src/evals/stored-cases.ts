import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { AppError } from '../lib/errors.ts'
import type { PlacedCase } from './dataset-file.ts'
import { type DatasetSource, rawCase } from './suite-schema.ts'

type Stored = Exclude<DatasetSource, { file: string }>

/** Cases from what the server has seen: recent traces, or demonstrations of what should have been answered. */
export const readStoredCases = async (db: Database, source: Stored, nowMs: number): Promise<PlacedCase[]> => {
  if ('traces' in source) return fromTraces(db, source.traces, nowMs)
  if ('demonstrations' in source) return fromDemonstrations(db, source.demonstrations)
  throw new AppError('invalid_request', `there is no dataset '${source.dataset}'`)
}

type Row = { id: string; messages: { role: string; content: unknown }[] | null; expected?: unknown }

const fromTraces = async (db: Database, filter: Extract<Stored, { traces: object }>['traces'], nowMs: number): Promise<PlacedCase[]> => {
  const since = new Date(nowMs - filter.since_hours * 3_600_000).toISOString()
  const rows = await db.execute<Row>(sql`
    select t.id, p.payload -> 'input' -> 'messages' as messages from traces t join trace_payloads p on p.id = t.id
    where t.purpose = 'live' and t.status = 'ok' and t.endpoint = 'chat' and t.started_at >= ${since}::timestamptz
      and ${filter.route === undefined ? sql`true` : sql`t.route = ${filter.route}`}
      and ${filter.variant_hash === undefined ? sql`true` : sql`t.variant_hash = ${filter.variant_hash}`}
    order by t.started_at desc limit ${filter.limit}`)
  return placed(rows, 'traces')
}

const fromDemonstrations = async (
  db: Database,
  filter: Extract<Stored, { demonstrations: object }>['demonstrations'],
): Promise<PlacedCase[]> => {
  const rows = await db.execute<Row>(sql`
    select t.id, p.payload -> 'input' -> 'messages' as messages, f.content as expected
    from feedback f join traces t on t.id = f.inference_id and t.tenant = f.tenant join trace_payloads p on p.id = t.id
    where f.metric = 'demonstration' and ${filter.route === undefined ? sql`true` : sql`t.route = ${filter.route}`}
    order by f.at desc limit ${filter.limit}`)
  return placed(rows, 'demonstrations')
}

const roles = new Set(['system', 'user', 'assistant'])

/** Conversations of texts; others cannot be asked again here, and none of them is left out silently: a suite without cases is refused. */
const placed = (rows: readonly Row[], place: string): PlacedCase[] =>
  rows.flatMap(({ id, messages, expected }) => {
    const turns = (messages ?? []).flatMap(({ role, content }) =>
      typeof content === 'string' ? [{ role: role === 'developer' ? 'system' : role, content }] : [],
    )
    if (turns.length === 0 || turns.length !== messages?.length || turns.some(({ role }) => !roles.has(role))) return []
    // What was sent is data: braces in it are no variables.
    const escaped = turns.map(({ role, content }) => ({ role, content: content.replaceAll('{{', '{\u200b{') }))
    return {
      raw: rawCase.parse({ id, messages: escaped, ...(expected === undefined || expected === null ? {} : { expected: textOf(expected) }) }),
      place: `${place} ${id}`,
    }
  })

const textOf = (content: unknown): unknown =>
  content !== null && typeof content === 'object' && 'content' in content ? (content as { content: unknown }).content : content
