import { and, desc, eq, sql } from 'drizzle-orm'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { monitorReferenceSignals, monitorReferences } from '../db/schema/monitors.ts'
import { AppError } from '../lib/errors.ts'
import { isUuid, uuidv7 } from '../lib/ids.ts'
import { countRequests, type Distribution, readDistributions, type Stretch } from './distribution.ts'
import { fromHours, toHours } from './reference-signals.ts'
import type { Signal } from './signal.ts'
import { signalsVersion } from './signals.ts'

/** What a variant's traffic was like when it was good: a version that is never changed, of the variant with this very hash. */
export type Reference = typeof monitorReferences.$inferSelect

export type NewReference = Stretch & {
  variant: string
  /** Keeps as many values for each hour of the day as otherwise for all of them. */
  perHour: boolean
  actor: string
  reason: string
  nowMs: number
}

/** Throws `conflict` when the stretch holds no counted requests. */
export const createReference = async (db: Database, wanted: readonly Signal[], given: NewReference): Promise<Reference> => {
  const { route, variant, variantHash, fromMs, toMs, perHour, actor, reason, nowMs } = given
  const requests = await countRequests(db, given)
  if (requests === 0) {
    throw new AppError(
      'conflict',
      `'${variant}' of '${route}' answered no live request between ${iso(fromMs)} and ${iso(toMs)} that has been counted yet`,
    )
  }
  const distributions = await readDistributions(db, given, wanted, { perHour })
  const id = uuidv7()
  return db.transaction(async (tx) => {
    // One after the other: two at once would take one version.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`weir:reference:${route}:${variantHash}`}, 0))`)
    const [last] = await tx
      .select({ version: monitorReferences.version })
      .from(monitorReferences)
      .where(and(eq(monitorReferences.route, route), eq(monitorReferences.variantHash, variantHash)))
      .orderBy(desc(monitorReferences.version))
      .limit(1)
    const [row] = await tx
      .insert(monitorReferences)
      .values({
        ...{ id, route, variant, variantHash, version: (last?.version ?? 0) + 1, schemaVersion: signalsVersion },
        ...{ fromMs, toMs, requests, createdBy: actor, reason, createdAtMs: nowMs },
      })
      .returning()
    const rows = [...distributions].map(([signal, distribution]) => ({
      ...{ referenceId: id, signal, kind: distribution.kind, n: distribution.n },
      hours: toHours(distribution),
    }))
    if (rows.length > 0) await tx.insert(monitorReferenceSignals).values(rows)
    await appendAuditEvent(tx, { atMs: nowMs, actor, action: 'drift_reference.create', target: `drift_reference/${id}`, reason })
    return row as Reference
  })
}

/** The whole minutes that hold the newest so many requests of a variant. Throws `conflict` when there are fewer. */
export const lastRequests = async (
  db: Database,
  route: string,
  variantHash: string,
  n: number,
): Promise<Pick<Stretch, 'fromMs' | 'toMs'>> => {
  const [row] = await db.execute<{ minute: string | null; newest: string | null; total: number }>(sql`
    with running as (
      select minute, sum(requests) over (order by minute desc) as total from monitor_minutes where route = ${route} and variant_hash = ${variantHash}
    )
    select max(minute) filter (where total >= ${n}) as minute, max(minute) as newest, coalesce(max(total), 0)::int as total from running`)
  if (!row?.minute || !row.newest) {
    throw new AppError('conflict', `only ${row?.total ?? 0} live requests have been counted, not ${n}`, { param: 'last' })
  }
  return { fromMs: Date.parse(row.minute), toMs: Date.parse(row.newest) + 60_000 }
}

/** Newest first. */
export const listReferences = (
  db: Database,
  filter: { route?: string | undefined; variantHash?: string | undefined },
): Promise<Reference[]> =>
  db
    .select()
    .from(monitorReferences)
    .where(
      and(
        filter.route === undefined ? undefined : eq(monitorReferences.route, filter.route),
        filter.variantHash === undefined ? undefined : eq(monitorReferences.variantHash, filter.variantHash),
      ),
    )
    .orderBy(desc(monitorReferences.seq))

/** Throws `not_found`. */
export const findReference = async (db: Database, id: string): Promise<Reference> => {
  const [row] = isUuid(id) ? await db.select().from(monitorReferences).where(eq(monitorReferences.id, id)) : []
  if (row === undefined) throw new AppError('not_found', `there is no reference ${id}: weir drift reference list shows them`)
  return row
}

export const referenceSignals = async (db: Database, id: string): Promise<Map<string, Distribution>> => {
  const rows = await db.select().from(monitorReferenceSignals).where(eq(monitorReferenceSignals.referenceId, id))
  return new Map(rows.map(({ signal, kind, n, hours }) => [signal, fromHours(kind, n, hours)]))
}

const iso = (ms: number) => new Date(ms).toISOString()
