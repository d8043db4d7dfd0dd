import { and, asc, desc, eq, isNotNull } from 'drizzle-orm'
import { lockedTransaction } from '../db/advisory-lock.ts'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { routeEvents, routeHeads, routeVersions } from '../db/schema/rollout.ts'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import { uuidv7 } from '../lib/ids.ts'
import { announceServing } from './revision.ts'

/** A version of a route that was put through the API; `settings` as under `routes` in weir.yaml. */
export type RouteVersion = typeof routeVersions.$inferSelect
export type RouteEvent = typeof routeEvents.$inferSelect

type By = { actor: string; reason: string; nowMs: number }

/** The version of every route that has one in force. */
export const routesInForce = async (db: Database): Promise<RouteVersion[]> => {
  const rows = await db
    .select({ version: routeVersions })
    .from(routeHeads)
    .innerJoin(routeVersions, and(eq(routeVersions.name, routeHeads.name), eq(routeVersions.version, routeHeads.version)))
    .where(isNotNull(routeHeads.version))
    .orderBy(asc(routeHeads.name))
  return rows.map(({ version }) => version)
}

/**
 * Makes `settings` the route: a new version, unless it is the one in force. `expectedVersion`, when given, must be in force: null for none.
 * Throws `conflict` when it is not.
 */
export const putRoute = (
  db: Database,
  put: { name: string; settings: unknown; expectedVersion?: number | null | undefined },
  by: By,
): Promise<{ version: RouteVersion; changed: boolean }> =>
  inTurn(db, async (tx) => {
    const { name, settings } = put
    const current = await headOf(tx, name)
    if (put.expectedVersion !== undefined && put.expectedVersion !== current)
      throw new AppError(
        'conflict',
        `the route '${name}' is at ${said(current)}, not at ${said(put.expectedVersion)}: look again and repeat`,
        {
          param: 'expected_version',
        },
      )
    const versions = await versionsOf(tx, name)
    const settingsHash = hashOf(settings)
    const inForce = versions.find(({ version }) => version === current)
    if (inForce?.settingsHash === settingsHash) return { version: inForce, changed: false }
    const [version] = await tx
      .insert(routeVersions)
      .values({
        ...{ name, settings, settingsHash, version: (versions[0]?.version ?? 0) + 1 },
        ...{ createdBy: by.actor, reason: by.reason, createdAtMs: by.nowMs },
      })
      .returning()
    if (version === undefined) throw new Error('an insert returned nothing')
    await moveHead(tx, 'put', inForce, version, name, by)
    return { version, changed: true }
  })

/** The route is served no more; its versions stay. Throws `not_found`. */
export const deleteRoute = (db: Database, name: string, by: By): Promise<void> =>
  inTurn(db, async (tx) => moveHead(tx, 'delete', await inForceOf(tx, name), undefined, name, by))

/** Makes an earlier version the route again: the one before, or the one named. Throws `not_found` and `conflict`. */
export const rollbackRoute = (db: Database, name: string, toVersion: number | undefined, by: By): Promise<RouteVersion> =>
  inTurn(db, async (tx) => {
    const versions = await versionsOf(tx, name)
    if (versions.length === 0) throw unknownRoute(name)
    const current = await headOf(tx, name)
    const target = toVersion ?? (current === null ? versions[0]?.version : await before(tx, name, current))
    const version = versions.find((one) => one.version === target)
    if (version === undefined) {
      const message =
        toVersion === undefined ? `the route '${name}' has no earlier version` : `the route '${name}' has no version ${toVersion}`
      throw new AppError(toVersion === undefined ? 'conflict' : 'not_found', message, { param: 'version' })
    }
    if (version.version === current)
      throw new AppError('conflict', `the route '${name}' is at version ${current} already`, { param: 'version' })
    await moveHead(
      tx,
      'rollback',
      versions.find((one) => one.version === current),
      version,
      name,
      by,
    )
    return version
  })

/** Newest first. */
export const versionsOf = (db: Database, name: string): Promise<RouteVersion[]> =>
  db.select().from(routeVersions).where(eq(routeVersions.name, name)).orderBy(desc(routeVersions.version))

/** Oldest first. */
export const routeHistory = (db: Database, name: string): Promise<RouteEvent[]> =>
  db.select().from(routeEvents).where(eq(routeEvents.name, name)).orderBy(asc(routeEvents.seq))

const inTurn = <T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> => lockedTransaction(db, 'routes', work)

const headOf = async (tx: Database, name: string): Promise<number | null> => {
  const [head] = await tx.select().from(routeHeads).where(eq(routeHeads.name, name))
  return head?.version ?? null
}

const inForceOf = async (tx: Database, name: string): Promise<RouteVersion> => {
  const current = await headOf(tx, name)
  const found = (await versionsOf(tx, name)).find(({ version }) => version === current)
  if (found === undefined) throw unknownRoute(name)
  return found
}

/** The version that stood before the one in force was put. */
const before = async (tx: Database, name: string, current: number): Promise<number | undefined> => {
  const standing: number[] = []
  for (const { toVersion } of await routeHistory(tx, name)) if (toVersion !== null) standing.push(toVersion)
  const at = standing.indexOf(current)
  return at > 0 ? standing[at - 1] : undefined
}

const moveHead = async (
  tx: Database,
  kind: RouteEvent['kind'],
  from: RouteVersion | undefined,
  to: RouteVersion | undefined,
  name: string,
  { actor, reason, nowMs }: By,
): Promise<void> => {
  const version = to?.version ?? null
  await tx.insert(routeHeads).values({ name, version }).onConflictDoUpdate({ target: routeHeads.name, set: { version } })
  await tx.insert(routeEvents).values({
    ...{ id: uuidv7(), name, kind, actor, reason, atMs: nowMs },
    ...{ fromVersion: from?.version ?? null, toVersion: version },
  })
  await appendAuditEvent(tx, {
    ...{ atMs: nowMs, actor, action: `route.${kind}`, target: `route/${name}`, reason },
    ...{ beforeHash: from?.settingsHash, afterHash: to?.settingsHash },
  })
  await announceServing(tx)
}

const unknownRoute = (name: string) => new AppError('not_found', `no route '${name}' was put through the API`)
const said = (version: number | null) => (version === null ? 'no version' : `version ${version}`)
