import { timingSafeEqual } from 'node:crypto'
import { isNull, sql } from 'drizzle-orm'
import type { Database, Listen } from '../db/database.ts'
import { apiKeys, projects } from '../db/schema/serve.ts'
import type { Clock } from '../lib/clock.ts'
import type { Principal, Scope } from './principal.ts'
import { hashSecret } from './secret.ts'

export type KeyringOptions = {
  db: Database
  listen: Listen
  clock: Clock
  /** How often to look for changes that no NOTIFY told of; null when no other process can make any (PGlite). */
  pollMs?: number | null | undefined
  onError?: ((error: unknown) => void) | undefined
}

export type Keyring = {
  /** Reads the keys and follows their changes. */
  start(): Promise<void>
  /** Who holds this secret; undefined when nobody, no longer, or not any more. From memory: the keys as last read, also while the database is away. */
  authenticate(secret: string): Principal | undefined
  /** The organisation that a tenant belongs to; null when to none. */
  organisationOf(tenant: string): string | null
  /** Whether pages of an origin may use any key at all. */
  knowsOrigin(origin: string): boolean
  /** True while no key was ever made by hand: a loopback server may then let callers in without one. */
  onlyFirstKeyExists(): boolean
  /** Reads the keys anew, if they have changed. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** NOTIFY channel on which changes of keys are announced. */
export const keysChannel = 'weir_keys'

export const createKeyring = ({ db, listen, clock, pollMs = 500, onError = () => {} }: KeyringOptions): Keyring => {
  let held: Held = { keys: new Map(), organisations: new Map(), origins: new Set() }
  let onlyFirst = false
  let version: string | undefined
  let timer: Timer | undefined
  let stopListening: (() => Promise<void>) | undefined
  let reading: Promise<void> = Promise.resolve()
  let closed = false

  const read = async (): Promise<void> => {
    const found = await keysVersion(db)
    if (found.version === version) return
    held = await readKeys(db)
    onlyFirst = found.onlyFirst
    version = found.version
  }
  const refresh = (): Promise<void> => {
    const turn = reading.then(read)
    reading = turn.catch(() => {})
    return turn
  }
  const poll = (delayMs: number) => {
    timer = setTimeout(async () => {
      await refresh().catch(onError)
      if (!closed) poll(delayMs)
    }, delayMs)
  }

  return {
    start: async () => {
      stopListening = await listen(keysChannel, () => void refresh().catch(onError))
      await refresh()
      if (pollMs !== null) poll(pollMs)
    },
    authenticate: (secret) => {
      const hash = hashSecret(secret)
      const key = held.keys.get(handleOf(hash))
      if (!key || !timingSafeEqual(key.hash, Buffer.from(hash))) return undefined
      return key.untilMs <= clock() ? undefined : key.principal
    },
    organisationOf: (tenant) => held.organisations.get(tenant) ?? null,
    knowsOrigin: (origin) => held.origins.has(origin),
    onlyFirstKeyExists: () => onlyFirst,
    refresh,
    close: async () => {
      closed = true
      clearTimeout(timer)
      await stopListening?.()
      await reading
    },
  }
}

type Held = {
  keys: ReadonlyMap<string, HeldSecret>
  organisations: ReadonlyMap<string, string>
  origins: ReadonlySet<string>
}
type HeldSecret = { hash: Buffer; untilMs: number; principal: Principal }

/** Secrets are found by a part of their hash, and proved by all of it in constant time. */
const handleOf = (hash: string) => hash.slice(0, 16)

/** Changes whenever anything about any key or project does; one small row to poll. */
const keysVersion = async (db: Database): Promise<{ version: string; onlyFirst: boolean }> => {
  const [row] = await db.execute<{ version: string; only_first: boolean }>(sql`
    select count(*) || ':' || coalesce(bit_xor(hashtextextended(row_to_json(api_keys)::text, 0)), 0)
        || ':' || (select coalesce(bit_xor(hashtextextended(row_to_json(projects)::text, 0)), 0) from projects) as version,
      count(*) filter (where origin = 'created') = 0 as only_first
    from api_keys`)
  return { version: row?.version ?? '', onlyFirst: row?.only_first ?? false }
}

const readKeys = async (db: Database): Promise<Held> => {
  const organisations = new Map((await db.select().from(projects)).map(({ tenant, organisation }) => [tenant, organisation]))
  const rows = await db.select().from(apiKeys).where(isNull(apiKeys.revokedAtMs))
  const secrets = rows.flatMap((row): HeldSecret[] => {
    const { id: keyId, tenant, allowedRoutes, allowedOrigins, metadata } = row
    const organisation = organisations.get(tenant) ?? null
    const principal: Principal = {
      keyId,
      tenant,
      organisation,
      scopes: row.scopes as Scope[],
      allowedRoutes,
      allowedOrigins,
      metadata,
    }
    const untilMs = row.expiresAtMs ?? Number.POSITIVE_INFINITY
    const current = { hash: Buffer.from(row.hash), untilMs, principal }
    if (row.previousHash === null || row.previousUntilMs === null) return [current]
    return [{ hash: Buffer.from(row.previousHash), untilMs: Math.min(untilMs, row.previousUntilMs), principal }, current]
  })
  return {
    keys: new Map(secrets.map((secret) => [handleOf(secret.hash.toString()), secret])),
    organisations,
    origins: new Set(rows.flatMap(({ allowedOrigins }) => allowedOrigins ?? [])),
  }
}
