import { and, asc, eq, isNull, ne, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { lockedTransaction } from '../db/advisory-lock.ts'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { apiKeys } from '../db/schema/serve.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import { isUuid, uuidv7 } from '../lib/ids.ts'
import { keysChannel } from './keyring.ts'
import type { Scope } from './principal.ts'
import { hashSecret, newSecret, prefixOf } from './secret.ts'

/** A key as lists show it. The secret's hash stays in the database. */
export type ApiKey = Omit<typeof apiKeys.$inferSelect, 'hash' | 'previousHash' | 'scopes'> & { scopes: Scope[] }

/** A secret is shown this once and kept nowhere. */
export type IssuedKey = { key: ApiKey; secret: string }

export type NewKey = {
  name: string
  tenant: string
  scopes: readonly Scope[]
  allowedRoutes?: string[] | null | undefined
  /** Origins of web pages that may use the key, such as `https://app.example`. */
  allowedOrigins?: string[] | null | undefined
  metadata?: { [key: string]: string } | undefined
  expiresAtMs?: number | null | undefined
}

/** Who asks for an admin action, and why. */
export type By = { actor: string; reason?: string | null | undefined }

export type KeyAdmin = {
  create(key: NewKey, by: By): Promise<IssuedKey>
  /** Every key, oldest first, revoked ones included; of one tenant when given. */
  list(tenant?: string): Promise<ApiKey[]>
  /**
   * A new secret for the same key. The old one works for `graceMs` more, and one that an earlier rotation left ends at once. Throws
   * `not_found` for an unknown or revoked key.
   */
  rotate(id: string, graceMs: number, by: By): Promise<IssuedKey>
  /** For good. Throws `not_found` for an unknown or revoked key. */
  revoke(id: string, by: By): Promise<ApiKey>
  /**
   * Makes sure that somebody can administer the server. With a secret from the environment, that secret is an admin key, and one it
   * replaces is revoked; otherwise the very first start issues a key and returns its secret, to be shown once.
   */
  ensureFirstAdminKey(options: { fromEnv?: string | undefined }): Promise<string | undefined>
}

/** Each change and its audit event are one transaction; `changed` runs after it, so that the caller's own keyring knows. */
export const createKeyAdmin = ({ db, clock, changed }: { db: Database; clock: Clock; changed: () => Promise<void> }): KeyAdmin => {
  const change = async <T>(work: (tx: Database) => Promise<T>): Promise<T> => {
    const result = await lockedTransaction(db, 'keys', work)
    await changed()
    return result
  }

  const insert = async (tx: Database, key: NewKey, secret: string, origin: ApiKey['origin'], by: By): Promise<ApiKey> => {
    const row: typeof apiKeys.$inferInsert = {
      id: uuidv7(),
      tenant: key.tenant,
      name: key.name,
      prefix: prefixOf(secret),
      hash: hashSecret(secret),
      scopes: [...key.scopes],
      allowedRoutes: key.allowedRoutes ?? null,
      allowedOrigins: key.allowedOrigins ?? null,
      metadata: key.metadata ?? {},
      origin,
      createdAtMs: clock(),
      expiresAtMs: key.expiresAtMs ?? null,
    }
    const [inserted] = await tx.insert(apiKeys).values(row).returning(shown)
    return announced(tx, 'key.create', undefined, inserted as ApiKey, by)
  }

  const update = async (tx: Database, id: string, action: string, values: Changes, by: By): Promise<ApiKey> => {
    const active = and(eq(apiKeys.id, id), isNull(apiKeys.revokedAtMs))
    const [before] = isUuid(id) ? await tx.select(shown).from(apiKeys).where(active) : []
    if (!before) throw new AppError('not_found', `there is no active key ${id}`)
    const [after] = await tx.update(apiKeys).set(values).where(active).returning(shown)
    return announced(tx, action, before as ApiKey, after as ApiKey, by)
  }

  const announced = async (
    tx: Database,
    action: string,
    before: ApiKey | undefined,
    after: ApiKey,
    { actor, reason }: By,
  ): Promise<ApiKey> => {
    const beforeHash = before && hashOf(before)
    await appendAuditEvent(tx, { atMs: clock(), actor, action, target: `key/${after.id}`, beforeHash, afterHash: hashOf(after), reason })
    await notify(tx, keysChannel)
    return after
  }

  /** The environment's secret is the truth about environment keys; other starts with the same one change nothing. */
  const registerFromEnvironment = async (tx: Database, secret: string): Promise<void> => {
    const by = { actor: 'startup', reason: 'WEIR_ADMIN_KEY' }
    const hash = hashSecret(secret)
    const replaced = and(eq(apiKeys.origin, 'environment'), ne(apiKeys.hash, hash), isNull(apiKeys.revokedAtMs))
    const stale = await tx.select({ id: apiKeys.id }).from(apiKeys).where(replaced)
    for (const { id } of stale) await update(tx, id, 'key.revoke', { revokedAtMs: clock() }, by)
    const [present] = await tx.select({ id: apiKeys.id, revokedAtMs: apiKeys.revokedAtMs }).from(apiKeys).where(eq(apiKeys.hash, hash))
    if (!present) await insert(tx, adminKey('WEIR_ADMIN_KEY'), secret, 'environment', by)
    else if (present.revokedAtMs !== null) throw new AppError('invalid_request', 'WEIR_ADMIN_KEY is a key that was revoked: choose another')
  }

  return {
    create: async (key, by) => {
      const secret = newSecret()
      return { key: await change((tx) => insert(tx, key, secret, 'created', by)), secret }
    },
    list: async (tenant) => {
      const rows = await db
        .select(shown)
        .from(apiKeys)
        .where(tenant === undefined ? undefined : eq(apiKeys.tenant, tenant))
        .orderBy(asc(apiKeys.id))
      return rows as ApiKey[]
    },
    rotate: async (id, graceMs, by) => {
      const secret = newSecret()
      const previous = graceMs > 0 ? { previousHash: sql`hash`, previousUntilMs: clock() + graceMs } : noPrevious
      const values: Changes = { hash: hashSecret(secret), prefix: prefixOf(secret), ...previous }
      return { key: await change((tx) => update(tx, id, 'key.rotate', values, by)), secret }
    },
    revoke: (id, by) => change((tx) => update(tx, id, 'key.revoke', { revokedAtMs: clock() }, by)),
    ensureFirstAdminKey: ({ fromEnv }) =>
      change(async (tx) => {
        if (fromEnv !== undefined) {
          if (!/^\S{8,256}$/.test(fromEnv))
            throw new AppError('invalid_request', 'WEIR_ADMIN_KEY must be 8 to 256 characters without spaces')
          await registerFromEnvironment(tx, fromEnv)
          return undefined
        }
        const [any] = await tx.select({ one: sql`1` }).from(apiKeys).limit(1)
        if (any) return undefined
        const secret = newSecret()
        await insert(tx, adminKey('first admin key'), secret, 'first', { actor: 'startup', reason: 'first start' })
        return secret
      }),
  }
}

type Changes = PgUpdateSetSource<typeof apiKeys>

const noPrevious = { previousHash: null, previousUntilMs: null }

const adminKey = (name: string): NewKey => ({ name, tenant: 'default', scopes: ['inference', 'admin'] })

const shown = {
  id: apiKeys.id,
  tenant: apiKeys.tenant,
  name: apiKeys.name,
  prefix: apiKeys.prefix,
  scopes: apiKeys.scopes,
  allowedRoutes: apiKeys.allowedRoutes,
  allowedOrigins: apiKeys.allowedOrigins,
  metadata: apiKeys.metadata,
  origin: apiKeys.origin,
  createdAtMs: apiKeys.createdAtMs,
  expiresAtMs: apiKeys.expiresAtMs,
  revokedAtMs: apiKeys.revokedAtMs,
  previousUntilMs: apiKeys.previousUntilMs,
}
