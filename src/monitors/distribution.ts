import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { readPrediction } from '../feedback/prediction.ts'
import type { Signal } from './signal.ts'
import { mostVectors } from './vectors.ts'

/** Values of a signal. `n`: how many there were, of which `values` may be a sample; each value with its hour of the day in UTC. */
export type Distribution =
  | { kind: 'numeric'; n: number; values: { hour: number; value: number }[] }
  | { kind: 'categorical' | 'rate'; n: number; counts: { hour: number; value: string; n: number }[] }
  | { kind: 'vector'; n: number; model: string | null; vectors: { hour: number; vector: Float32Array }[] }

/** Requests of a variant from `fromMs`, inclusive, to `toMs`, exclusive, both whole minutes. */
export type Stretch = { route: string; variantHash: string; fromMs: number; toMs: number }

/** Values of each signal kept, at most. */
export const mostValues = 1000

/** Every signal of a stretch by name, those without a value left out. */
export const readDistributions = async (
  db: Database,
  stretch: Stretch,
  wanted: readonly Signal[],
  { perHour = false }: { perHour?: boolean } = {},
): Promise<Map<string, Distribution>> => {
  const found = new Map<string, Distribution>()
  const ofSample = new Map(wanted.flatMap((signal) => (signal.read.from === 'sample' ? [[signal.name, signal]] : [])))
  for (const [name, counts] of await readCounts(db, stretch)) {
    const signal = wanted.find((one) => one.name === name && one.read.from === 'trace')
    if (signal) found.set(name, { kind: signal.kind as 'categorical', n: sum(counts), counts })
  }
  for (const [name, distribution] of await readSamples(db, stretch, ofSample, perHour)) found.set(name, distribution)
  for (const signal of wanted) {
    if (signal.read.from === 'embedding') {
      const distribution = await readVectors(db, stretch)
      if (distribution) found.set(signal.name, distribution)
    } else if (signal.read.from === 'feedback') {
      const distribution = await readFeedback(db, stretch, signal)
      if (distribution) found.set(signal.name, distribution)
    } else if (signal.read.from === 'score') {
      const distribution = await readScores(db, stretch, signal.read.scorer)
      if (distribution) found.set(signal.name, distribution)
    }
  }
  return found
}

export const countRequests = async (db: Database, stretch: Stretch): Promise<number> => {
  const [row] = await db.execute<{ n: number }>(sql`
    select coalesce(sum(requests), 0)::int as n from monitor_minutes where ${within(stretch)}`)
  return row?.n ?? 0
}

const readCounts = async (db: Database, stretch: Stretch): Promise<Map<string, { hour: number; value: string; n: number }[]>> => {
  const rows = await db.execute<{ signal: string; hour: number; value: string; n: number }>(sql`
    select signal, ${hour} as hour, value, sum(n)::int as n from monitor_counts where ${within(stretch)} group by 1, 2, 3`)
  const counts = new Map<string, { hour: number; value: string; n: number }[]>()
  for (const { signal, ...one } of rows) counts.set(signal, [...(counts.get(signal) ?? []), one])
  return counts
}

const readSamples = async (
  db: Database,
  stretch: Stretch,
  wanted: ReadonlyMap<string, Signal>,
  perHour: boolean,
): Promise<Map<string, Distribution>> => {
  const rows = await db.execute<{ hour: number; signals: { [name: string]: number | string } }>(sql`
    with ${chosen('monitor_samples', stretch, perHour)}
    select hour, signals from chosen where place <= ${perHour ? mostValues : mostRows} and signals is not null order by priority`)
  const found = new Map<string, Distribution>()
  const tallies = new Map<string, Map<string, { hour: number; value: string; n: number }>>()
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.signals)) {
      const signal = wanted.get(name)
      if (signal?.kind === 'numeric' && typeof value === 'number') {
        const own = (found.get(name) ?? { kind: 'numeric', n: 0, values: [] }) as Extract<Distribution, { kind: 'numeric' }>
        own.n += 1
        if (perHour || own.values.length < mostValues) own.values.push({ hour: row.hour, value })
        found.set(name, own)
      } else if (signal !== undefined && typeof value === 'string') {
        const tally = tallies.get(name) ?? new Map()
        const key = `${row.hour} ${value}`
        const one = tally.get(key) ?? { hour: row.hour, value, n: 0 }
        one.n += 1
        tally.set(key, one)
        tallies.set(name, tally)
      }
    }
  }
  for (const [name, tally] of tallies) {
    const counts = [...tally.values()]
    found.set(name, { kind: wanted.get(name)?.kind as 'categorical', n: sum(counts), counts })
  }
  return found
}

const readVectors = async (db: Database, stretch: Stretch): Promise<Distribution | undefined> => {
  const rows = await db.execute<{ hour: number; model: string; vector: Uint8Array }>(sql`
    with ${chosen('monitor_embeddings', stretch, false)}
    select hour, model, vector from chosen where vector is not null order by priority limit ${mostVectors}`)
  const model = rows[0]?.model ?? null
  const own = rows.filter((row) => row.model === model)
  if (own.length === 0) return undefined
  const vectors = own.map((row) => ({ hour: row.hour, vector: floats(row.vector) }))
  return { kind: 'vector', n: own.length, model, vectors }
}

/**
 * The rows of a uniform sample of the stretch. In a minute that had more requests than rows were kept, the row with the highest priority
 * says below which priority everything was kept; the lowest such bound holds for the whole stretch. Bottom-k sampling, Cohen & Kaplan 2007.
 */
const chosen = (table: 'monitor_samples' | 'monitor_embeddings', stretch: Stretch, perHour: boolean) => sql`
  kept as materialized (select minute, count(*) as n, max(priority) as highest from ${sql.identifier(table)} where ${within(stretch)} group by minute),
  bound as materialized (
    select coalesce(min(kept.highest), 1) as priority
    from kept join monitor_minutes m using (minute)
    where m.route = ${stretch.route} and m.variant_hash = ${stretch.variantHash} and m.requests > kept.n
  ),
  chosen as (
    select s.*, ${hour} as hour, row_number() over (${perHour ? sql`partition by ${hour}` : sql``} order by s.priority) as place
    from ${sql.identifier(table)} s where ${within(stretch)} and s.priority <= (select priority from bound)
  )`

/** By when it arrived, for the window of an answer may be closed when somebody judges it. The newest word on an answer counts. */
const readFeedback = async (db: Database, stretch: Stretch, signal: Signal): Promise<Distribution | undefined> => {
  if (signal.read.from !== 'feedback') return undefined
  const { metric, labels } = signal.read
  const rows = await db.execute<{ hour: number; number: number | null; truth: string | null; answer: string | null }>(sql`
    select extract(hour from said.received_at at time zone 'UTC')::int as hour, said.number, said.content #>> '{}' as truth,
      ${labels === undefined ? sql`null` : sql`(select p.payload->'output'->0->>'text' from trace_payloads p where p.id = t.id)`} as answer
    from (
      select distinct on (tenant, inference_id) * from feedback
      where metric = ${metric} and inference_id is not null and received_at >= ${iso(stretch.fromMs)}::timestamptz
        and received_at < ${iso(stretch.toMs)}::timestamptz
      order by tenant, inference_id, at desc, id desc
    ) as said
    join traces t on t.id = said.inference_id and t.tenant = said.tenant
    where t.route = ${stretch.route} and t.variant_hash = ${stretch.variantHash} and t.purpose = 'live'
    order by md5(said.id::text) limit ${mostRows}`)
  if (rows.length === 0) return undefined
  if (signal.kind === 'numeric') {
    const values = rows.flatMap(({ hour: at, number }) => (number === null ? [] : { hour: at, value: number }))
    return { kind: 'numeric', n: values.length, values: values.slice(0, mostValues) }
  }
  const counts = rows.flatMap(({ hour: at, number, truth, answer }) => {
    if (labels === undefined) return number === null ? [] : { hour: at, value: number > 0 ? 'yes' : 'no', n: 1 }
    if (truth === null || answer === null || !labels.includes(truth)) return []
    return { hour: at, value: readPrediction(labels, answer)?.label === truth ? 'yes' : 'no', n: 1 }
  })
  return counts.length === 0 ? undefined : { kind: 'rate', n: counts.length, counts: merged(counts) }
}

const readScores = async (db: Database, stretch: Stretch, scorer: string): Promise<Distribution | undefined> => {
  const rows = await db.execute<{ hour: number; value: number }>(sql`
    select extract(hour from at at time zone 'UTC')::int as hour, score as value from online_scores
    where route = ${stretch.route} and variant_hash = ${stretch.variantHash} and scorer = ${scorer} and score is not null
      and at >= ${iso(stretch.fromMs)}::timestamptz and at < ${iso(stretch.toMs)}::timestamptz
    order by md5(trace_id::text) limit ${mostValues}`)
  return rows.length === 0 ? undefined : { kind: 'numeric', n: rows.length, values: [...rows] }
}

const merged = (counts: { hour: number; value: string; n: number }[]) => {
  const all = new Map<string, { hour: number; value: string; n: number }>()
  for (const one of counts) {
    const key = `${one.hour} ${one.value}`
    all.set(key, { ...one, n: one.n + (all.get(key)?.n ?? 0) })
  }
  return [...all.values()]
}

const sum = (counts: readonly { n: number }[]): number => counts.reduce((total, { n }) => total + n, 0)

/** The bytes may begin anywhere in a buffer of the driver, and floats may not. */
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(new Uint8Array(bytes).buffer)

const within = ({ route, variantHash, fromMs, toMs }: Stretch) => sql`route = ${route} and variant_hash = ${variantHash}
  and minute >= ${iso(fromMs)}::timestamptz and minute < ${iso(toMs)}::timestamptz`
const hour = sql.raw(`extract(hour from minute at time zone 'UTC')::int`)
const iso = (ms: number) => new Date(ms).toISOString()
/** Rows that are read for the values of all signals: some signals are of few requests. */
const mostRows = 5000
