import { and, count, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { projects, traces } from '../db/schema/serve.ts'

export const groupings = ['organisation', 'tenant', 'key', 'route', 'variant', 'model', 'purpose', 'day'] as const
export type Grouping = (typeof groupings)[number]

export type CostFilter = {
  organisation?: string | undefined
  tenant?: string | undefined
  route?: string | undefined
  model?: string | undefined
  /** Milliseconds since the epoch: from, inclusive, and to, exclusive. */
  fromMs?: number | undefined
  toMs?: number | undefined
}

export type CostRow = {
  /** What the row is about; null for requests that have none, such as no key. Days are UTC. */
  group: string | null
  requests: number
  /** Of them, answered from the cache: they cost nothing. */
  cacheHits: number
  promptTokens: number
  completionTokens: number
  cachedTokens: number
  /** Of the requests whose cost is known; null when it is known of none. */
  costUsd: number | null
  /** Requests that reached a model and whose cost nobody knows, because a price is missing or they were broken off. */
  unknownCost: number
}

/** What requests cost, the dearest group first; days in their order. */
export const costReport = async (db: Database, by: Grouping, filter: CostFilter): Promise<CostRow[]> => {
  const group = groupColumn[by]
  const costUsd = sql<number | null>`sum(${traces.costUsd})`
  return db
    .select({
      group: sql<string | null>`${group}`,
      requests: count(),
      cacheHits: counted(sql`${traces.cache} in ('hit', 'stale')`),
      promptTokens: summed(traces.promptTokens),
      completionTokens: summed(traces.completionTokens),
      cachedTokens: summed(traces.cachedTokens),
      costUsd,
      unknownCost: counted(sql`${traces.costUsd} is null and ${traces.attempts} > 0`),
    })
    .from(traces)
    .where(and(...conditions(filter)))
    .groupBy(sql`1`)
    .orderBy(...(by === 'day' ? [sql`1`] : [sql`${desc(costUsd)} nulls last`, desc(count()), sql`1`]))
}

const organisationOfTrace = sql`select ${projects.organisation} from ${projects} where ${projects.tenant} = ${traces.tenant}`

const groupColumn: Record<Grouping, SQL> = {
  // What a project cost before it joined counts for its organisation too.
  organisation: sql`(${organisationOfTrace})`,
  tenant: sql`${traces.tenant}`,
  key: sql`${traces.keyId}`,
  route: sql`${traces.route}`,
  variant: sql`${traces.route} || '/' || ${traces.variant}`,
  model: sql`${traces.model}`,
  purpose: sql`${traces.purpose}`,
  day: sql`to_char(${traces.startedAtMs} at time zone 'UTC', 'YYYY-MM-DD')`,
}

const counted = (condition: SQL) => sql<number>`count(*) filter (where ${condition})`.mapWith(Number)

const summed = (column: typeof traces.promptTokens | typeof traces.completionTokens | typeof traces.cachedTokens) =>
  sql<number>`coalesce(sum(${column}), 0)`.mapWith(Number)

const conditions = ({ fromMs, toMs, organisation, ...names }: CostFilter): SQL[] => [
  ...(organisation === undefined ? [] : [sql`(${organisationOfTrace}) = ${organisation}`]),
  ...(['tenant', 'route', 'model'] as const).flatMap((name) => (names[name] === undefined ? [] : [eq(traces[name], names[name])])),
  ...(fromMs === undefined ? [] : [gte(traces.startedAtMs, fromMs)]),
  ...(toMs === undefined ? [] : [lt(traces.startedAtMs, toMs)]),
]
