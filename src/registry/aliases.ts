import { and, asc, eq } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { modelAliasEvents, modelAliases } from '../db/schema/models.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import { rollbackTarget } from '../lib/label-moves.ts'
import { announceChange } from './revision.ts'
import { findModelVersion } from './versions.ts'

export type AliasEvent = typeof modelAliasEvents.$inferSelect

/** Whether an index built with this version of an embedding model exists: without one, queries would meet vectors of another model. */
export type IndexExists = (model: string, version: number) => Promise<boolean>

export type AliasMove = {
  name: string
  alias: string
  /** The version the mover saw the alias at; null when it saw none. Another version now is a `conflict`. */
  expectedVersion: number | null
  actor: string
  reason: string
  nowMs: number
}

/** Moves an alias to a version: compare-and-set, one event. Throws `invalid_request`, `not_found`, `conflict`. */
export const promoteAlias = async (
  db: Database,
  indexExists: IndexExists,
  { version, ...request }: AliasMove & { version: number },
): Promise<AliasEvent> => {
  checkAlias(request.alias)
  checkReason(request.reason)
  await checkVersion(db, indexExists, request.name, version)
  return db.transaction((tx) => move(tx, 'promote', request, version))
}

/** Moves an alias back to where it stood before the promotion in force, in one move. */
export const rollbackAlias = async (db: Database, indexExists: IndexExists, request: AliasMove): Promise<AliasEvent> => {
  checkReason(request.reason)
  const target = rollbackTarget(await aliasEvents(db, request.name, request.alias))
  if (target === undefined) {
    throw new AppError('conflict', `alias "${request.alias}" of "${request.name}" has no earlier version to roll back to`, {
      param: 'alias',
    })
  }
  await checkVersion(db, indexExists, request.name, target)
  return db.transaction(async (tx) => {
    if (rollbackTarget(await aliasEvents(tx, request.name, request.alias)) !== target) throw stale(request)
    return move(tx, 'rollback', request, target)
  })
}

/** Every move of a model's aliases, or of one of them, oldest first. */
export const aliasEvents = (db: Database, name: string, alias?: string | undefined): Promise<AliasEvent[]> =>
  db
    .select()
    .from(modelAliasEvents)
    .where(and(eq(modelAliasEvents.modelName, name), alias === undefined ? undefined : eq(modelAliasEvents.alias, alias)))
    .orderBy(asc(modelAliasEvents.seq))

const move = async (tx: Database, kind: AliasEvent['kind'], request: AliasMove, toVersion: number): Promise<AliasEvent> => {
  const { name, alias, expectedVersion, actor, reason, nowMs } = request
  const moved =
    expectedVersion === null
      ? await tx.insert(modelAliases).values({ modelName: name, alias, version: toVersion }).onConflictDoNothing().returning()
      : await tx
          .update(modelAliases)
          .set({ version: toVersion })
          .where(and(eq(modelAliases.modelName, name), eq(modelAliases.alias, alias), eq(modelAliases.version, expectedVersion)))
          .returning()
  if (moved.length === 0) throw stale(request)
  const [event] = await tx
    .insert(modelAliasEvents)
    .values({ id: uuidv7(), modelName: name, alias, kind, fromVersion: expectedVersion, toVersion, actor, reason, atMs: nowMs })
    .returning()
  if (event === undefined) throw new Error('an insert returned nothing')
  await announceChange(tx)
  return event
}

const stale = ({ name, alias, expectedVersion }: AliasMove): AppError => {
  const place = expectedVersion === null ? 'unset' : `at version ${expectedVersion}`
  return new AppError('conflict', `alias "${alias}" of "${name}" is not ${place} as expected: look again and repeat`, {
    param: 'expected_version',
  })
}

const checkVersion = async (db: Database, indexExists: IndexExists, name: string, version: number): Promise<void> => {
  const { kind } = await findModelVersion(db, name, String(version))
  if (kind === 'embedding' && !(await indexExists(name, version))) {
    throw new AppError('conflict', `no index is built with version ${version} of "${name}": build one, then move the alias`, {
      param: 'version',
    })
  }
}

const checkAlias = (alias: string): void => {
  if (alias === 'latest') throw new AppError('invalid_request', '"latest" is computed and cannot be set', { param: 'alias' })
  if (!/^[a-z][a-z0-9._-]{0,63}$/.test(alias)) {
    throw new AppError('invalid_request', 'an alias starts with a letter and has lower-case letters, digits, dots, _ and - only', {
      param: 'alias',
    })
  }
}

const checkReason = (reason: string): void => {
  if (reason.trim() === '') throw new AppError('invalid_request', 'say why: a move of an alias needs a reason', { param: 'reason' })
}
