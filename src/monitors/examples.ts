import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { type PiiOptions, redactPii } from '../lib/pii.ts'
import type { TracePayload } from '../traces/trace.ts'
import type { Distribution, Stretch } from './distribution.ts'
import { answeredText, askedText } from './payload-texts.ts'
import { binsOf, centreOf, distanceTo } from './plot-bins.ts'
import type { Signal } from './signal.ts'

/** A request of the window that shows how a signal drifted. Texts are cut, and personal data in them is replaced. */
export type Example = { traceId: string; atMs: number; value: string; asked: string | null; answered: string | null }

/** Requests that are least like the reference: the extreme values on the side that the window moved to, or of the value that grew most. */
export const examplesOf = async (
  db: Database,
  window: Stretch,
  signal: Signal,
  reference: Distribution | undefined,
  now: Distribution | undefined,
  { rose, texts, most = 5 }: { rose: boolean; texts: PiiOptions | null; most?: number },
): Promise<Example[]> => {
  const found = await foundIn(db, window, signal, reference, now, rose, most)
  if (found.length === 0) return []
  const rows = await db.execute<{ id: string; started_at: string; payload: TracePayload | null }>(sql`
    select t.id, t.started_at, p.payload from traces t left join trace_payloads p on p.id = t.id
    where t.id in (${sql.join(
      found.map(({ id }) => sql`${id}::uuid`),
      sql`, `,
    )})`)
  const byId = new Map(rows.map((row) => [row.id, row]))
  return found.flatMap(({ id, value }) => {
    const row = byId.get(id)
    if (row === undefined) return []
    const text = (plain: string | null) => (texts === null || plain === null ? null : redactPii(plain.slice(0, longestText), texts))
    return {
      traceId: id,
      atMs: Date.parse(row.started_at),
      value,
      asked: text(askedText(row.payload)),
      answered: text(answeredText(row.payload)),
    }
  })
}

type Found = { id: string; value: string }

const foundIn = async (
  db: Database,
  window: Stretch,
  signal: Signal,
  reference: Distribution | undefined,
  now: Distribution | undefined,
  rose: boolean,
  most: number,
): Promise<Found[]> => {
  const { read, kind, name } = signal
  if (read.from === 'embedding') return reference?.kind === 'vector' ? farthest(db, window, reference, most) : []
  if (read.from === 'feedback') return []
  const value = kind === 'numeric' ? undefined : grownMost(reference, now)
  if (kind !== 'numeric' && value === undefined) return []
  if (read.from === 'trace') {
    return db.execute<Found>(sql`
      select t.id, ${read.value} as value from traces t
      where t.route = ${window.route} and t.variant_hash = ${window.variantHash} and t.purpose = 'live' and ${during(sql`t.started_at`, window)}
        and ${read.value} = ${value} order by t.started_at desc limit ${most}`)
  }
  const order = kind === 'numeric' ? sql`(signals ->> ${name})::double precision ${sql.raw(rose ? 'desc' : 'asc')}` : sql`priority`
  return db.execute<Found>(sql`
    select trace_id as id, signals ->> ${name} as value from monitor_samples
    where ${ofWindow(window)} and signals ->> ${name} ${kind === 'numeric' ? sql`is not null` : sql`= ${value}`}
    order by ${order} limit ${most}`)
}

const grownMost = (reference: Distribution | undefined, now: Distribution | undefined): string | undefined =>
  binsOf(reference, now, false, 200).toSorted((left, right) => right.window - right.reference - (left.window - left.reference))[0]?.label

const farthest = async (
  db: Database,
  window: Stretch,
  reference: Extract<Distribution, { kind: 'vector' }>,
  most: number,
): Promise<Found[]> => {
  const distance = distanceTo(centreOf(reference.vectors.map(({ vector }) => vector)))
  const rows = await db.execute<{ id: string; vector: Uint8Array }>(sql`
    select trace_id as id, vector from monitor_embeddings
    where ${ofWindow(window)} and model = ${reference.model} and vector is not null order by priority limit 1000`)
  return rows
    .map(({ id, vector }) => ({ id, far: distance(new Float32Array(new Uint8Array(vector).buffer)) }))
    .sort((left, right) => right.far - left.far)
    .slice(0, most)
    .map(({ id, far }) => ({ id, value: `distance ${far.toFixed(2)}` }))
}

const ofWindow = (window: Stretch) =>
  sql`route = ${window.route} and variant_hash = ${window.variantHash} and ${during(sql`minute`, window)}`
const during = (column: SQL, { fromMs, toMs }: Stretch) =>
  sql`${column} >= ${new Date(fromMs).toISOString()}::timestamptz and ${column} < ${new Date(toMs).toISOString()}::timestamptz`
const longestText = 400
