import { and, count, desc, eq, gte, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { tracePayloads, traces } from '../db/schema/serve.ts'
import { AppError } from '../lib/errors.ts'
import { isUuid } from '../lib/ids.ts'
import type { Trace } from './trace.ts'

export type TraceFilter = {
  tenant?: string | undefined
  route?: string | undefined
  variant?: string | undefined
  variantHash?: string | undefined
  arm?: 'candidate' | 'control' | undefined
  /** The rule of the route that chose the variant. */
  rule?: string | undefined
  /** Whether a larger model was asked because an answer was in doubt. */
  escalated?: boolean | undefined
  model?: string | undefined
  errorCode?: string | undefined
  status?: Trace['status'] | undefined
  purpose?: Trace['purpose'] | undefined
  /** Milliseconds since the epoch: from, inclusive, and to, exclusive. */
  fromMs?: number | undefined
  toMs?: number | undefined
}

/** A trace with its payload, or undefined; another tenant's trace does not exist. A null tenant, for admins, sees all. */
export const findTrace = async (db: Database, id: string, tenant: string | null): Promise<Trace | undefined> => {
  if (!isUuid(id)) return undefined
  const [row] = await db
    .select({ trace: traces, payload: tracePayloads.payload })
    .from(traces)
    .leftJoin(tracePayloads, eq(tracePayloads.id, traces.id))
    .where(and(eq(traces.id, id), tenant === null ? undefined : eq(traces.tenant, tenant)))
  return row && ({ ...row.trace, payload: row.payload } as Trace)
}

export type TracePage = { traces: Omit<Trace, 'payload'>[]; nextCursor: string | null }

/** Metadata of traces, newest first, a page at a time. `after` is the `nextCursor` of the page before; throws `invalid_request` for any other. */
export const listTraces = async (
  db: Database,
  filter: TraceFilter,
  page: { limit: number; after?: string | undefined },
): Promise<TracePage> => {
  const rows = await db
    .select()
    .from(traces)
    .where(and(...conditions(filter), page.after === undefined ? undefined : before(page.after)))
    .orderBy(desc(traces.startedAtMs), desc(traces.id))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit) as Omit<Trace, 'payload'>[]
  const last = shown.at(-1)
  return { traces: shown, nextCursor: rows.length > page.limit && last ? `${last.startedAtMs}_${last.id}` : null }
}

export type TraceCounts = {
  requests: number
  errors: number
  aborted: number
  promptTokens: number
  completionTokens: number
  costUsd: number | null
}

/** Sums over the matching traces. `costUsd` is null when no trace has a known cost. */
export const countTraces = async (db: Database, filter: TraceFilter): Promise<TraceCounts> => {
  const [row] = await db
    .select({
      requests: count(),
      errors: sql<number>`count(*) filter (where ${traces.status} = 'error')`.mapWith(Number),
      aborted: sql<number>`count(*) filter (where ${traces.status} = 'aborted')`.mapWith(Number),
      promptTokens: sql<number>`coalesce(sum(${traces.promptTokens}), 0)`.mapWith(Number),
      completionTokens: sql<number>`coalesce(sum(${traces.completionTokens}), 0)`.mapWith(Number),
      costUsd: sql<number | null>`sum(${traces.costUsd})`,
    })
    .from(traces)
    .where(and(...conditions(filter)))
  return row as TraceCounts
}

const compared = ['tenant', 'route', 'variant', 'variantHash', 'arm', 'rule', 'model', 'errorCode', 'status', 'purpose'] as const

const conditions = (filter: TraceFilter): SQL[] => {
  const equal = compared.flatMap((key) => {
    const value = filter[key]
    return value === undefined ? [] : [eq(traces[key], value)]
  })
  const escalated = filter.escalated === undefined ? [] : [filter.escalated ? isNotNull(traces.escalation) : isNull(traces.escalation)]
  const from = filter.fromMs === undefined ? [] : [gte(traces.startedAtMs, filter.fromMs)]
  const to = filter.toMs === undefined ? [] : [lt(traces.startedAtMs, filter.toMs)]
  return [...equal, ...escalated, ...from, ...to]
}

const before = (cursor: string): SQL => {
  const [ms = '', id = ''] = cursor.split('_')
  if (!/^\d{1,15}$/.test(ms) || !isUuid(id)) throw new AppError('invalid_request', 'after is not a cursor of this list', { param: 'after' })
  return sql`(${traces.startedAtMs}, ${traces.id}) < (${new Date(Number(ms)).toISOString()}::timestamptz, ${id}::uuid)`
}
