import { mkdirSync } from 'node:fs'
import { sql } from 'drizzle-orm'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { AppError } from '../lib/errors.ts'
import { openPglite } from './pglite.ts'
import { pgliteSql } from './pglite-sql.ts'

/** Queries, on Postgres or PGlite alike, inside or outside a transaction. `db.execute(sql`…`)` gives the rows as an array with `count`. */
export type Database = PgDatabase<PostgresJsQueryResultHKT, Record<string, never>>

export type DatabaseHandle = AsyncDisposable & {
  readonly db: Database
  readonly kind: 'postgres' | 'pglite'
  readonly listen: Listen
  /** Ends once running queries have. */
  close(): Promise<void>
}

/** Calls back with the payload of each NOTIFY until the returned function is called. A hint to look sooner: what polling finds decides. */
export type Listen = (channel: string, listener: (payload: string) => void) => Promise<() => Promise<void>>

export type DatabaseOptions = {
  /** `postgres://…`; absent: the embedded PGlite under `stateDir`. */
  url?: string | undefined
  stateDir: string
  /** Connections of the pool; 10 when absent. Postgres only. */
  connections?: number | undefined
}

/** Connects, without migrating. Throws `unavailable` when Postgres cannot be reached, `conflict` when another process has PGlite open. */
export const openDatabase = ({ url, stateDir, connections = 10 }: DatabaseOptions): Promise<DatabaseHandle> =>
  url ? openPostgres(url, connections) : openEmbedded(stateDir)

const openPostgres = async (url: string, connections: number): Promise<DatabaseHandle> => {
  const client = postgres(url, {
    max: connections,
    connect_timeout: 10,
    // Seconds. The default waits up to 20 after an outage.
    backoff: (attempts) => Math.min(0.1 * 2 ** attempts, 2),
    onnotice: () => {},
    connection: { application_name: 'weir', TimeZone: 'UTC' },
  })
  const db: Database = drizzle(client)
  const close = () => client.end({ timeout: 5 })
  try {
    await db.execute(sql`select 1`)
  } catch (cause) {
    await close()
    throw new AppError('unavailable', `cannot reach Postgres at ${withoutPassword(url)}`, { cause })
  }
  return {
    db,
    kind: 'postgres',
    listen: async (channel, listener) => (await client.listen(channel, listener)).unlisten,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const openEmbedded = async (stateDir: string): Promise<DatabaseHandle> => {
  mkdirSync(stateDir, { recursive: true })
  const pglite = await openPglite(stateDir)
  const close = () => pglite.close()
  return {
    db: drizzle(pgliteSql(pglite)),
    kind: 'pglite',
    listen: (channel, listener) => pglite.listen(channel, listener),
    close,
    [Symbol.asyncDispose]: close,
  }
}

const withoutPassword = (url: string): string => {
  if (!URL.canParse(url)) return 'DATABASE_URL, which is not a URL'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}
