import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, describe } from 'vitest'
import pglitePackage from '../../node_modules/@electric-sql/pglite/package.json' with { type: 'json' }
import { type DatabaseHandle, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'

export type Kind = DatabaseHandle['kind']

export type TestDatabase = DatabaseHandle & {
  /** A second, independent connection to the same database, as another replica has. PGlite has none: the same handle. */
  replica(): Promise<DatabaseHandle>
}

/** An empty database with every migration applied; closed after the file's tests. PGlite has one per file: the next call empties it. */
export type MakeDatabase = (options?: { migrated?: boolean }) => Promise<TestDatabase>

/**
 * Runs a suite over PGlite, and over Postgres too when TEST_DATABASE_URL names a server on which databases may be created.
 * Call `makeDatabase` in `beforeAll` or in a test.
 */
export const describeDatabases = (title: string, suite: (makeDatabase: MakeDatabase, kind: Kind) => void): void => {
  describe(`${title} (PGlite)`, () => suite(pgliteMaker(), 'pglite'))
  const url = process.env.TEST_DATABASE_URL
  if (url) describe(`${title} (Postgres)`, () => suite(postgresMaker(url), 'postgres'))
  else announceOnce()
}

const announceOnce = (): void => {
  const marker = Symbol.for('weir.test.pglite-only')
  const known = globalThis as { [marker]?: boolean }
  if (known[marker]) return
  known[marker] = true
  console.info('TEST_DATABASE_URL is not set: database tests run on PGlite only.')
}

const postgresMaker = (url: string): MakeDatabase => {
  const databases: { handle: DatabaseHandle; name: string }[] = []
  const replicas: DatabaseHandle[] = []
  const admin = () => postgres(url, { max: 1, onnotice: () => {} })
  afterAll(async () => {
    for (const handle of [...replicas, ...databases.map((database) => database.handle)]) await handle.close()
    if (databases.length === 0) return
    await using client = Object.assign(admin(), { [Symbol.asyncDispose]: () => client.end() })
    for (const { name } of databases) await client.unsafe(`drop database if exists ${name} with (force)`)
  })
  return async ({ migrated = true } = {}) => {
    const name = `weir_test_${Bun.randomUUIDv7().replaceAll('-', '')}`
    const client = admin()
    await client.unsafe(`create database ${name}`).finally(() => client.end())
    const own = new URL(url)
    own.pathname = `/${name}`
    const open = () => openDatabase({ url: own.href, stateDir: '', connections: 4 })
    const handle = await open()
    databases.push({ handle, name })
    if (migrated) await migrate(handle.db)
    const replica = async () => {
      const opened = await open()
      replicas.push(opened)
      return opened
    }
    return { ...handle, replica }
  }
}

const pgliteMaker = (): MakeDatabase => {
  const stateDir = mkdtempSync(join(tmpdir(), 'weir-test-'))
  let opened: Promise<DatabaseHandle> | undefined
  afterAll(async () => {
    await (await opened)?.close()
    rmSync(stateDir, { recursive: true, force: true })
  })
  const open = async () => {
    await emptyState(stateDir)
    return openDatabase({ stateDir })
  }
  return async ({ migrated = true } = {}) => {
    const fresh = opened === undefined
    opened ??= open()
    const handle = await opened
    if (!fresh) await handle.db.execute(sql.raw('drop schema public cascade; create schema public'))
    if (migrated) await migrate(handle.db)
    // The file's one instance stays open for the next test.
    const shared: DatabaseHandle = { ...handle, close: async () => {}, [Symbol.asyncDispose]: async () => {} }
    return { ...shared, replica: async () => shared }
  }
}

/** Puts an empty embedded database into `stateDir`, sooner than a first start would. */
export const emptyState = async (stateDir: string): Promise<void> => {
  cpSync(await emptyCluster(), join(stateDir, 'pg'), { recursive: true })
}

/** A new PGlite cluster takes 2–4 s to make, a copy of one 0.1 s: made once per machine and PGlite version. */
const emptyCluster = async (): Promise<string> => {
  const cache = resolve(import.meta.dirname, '../../node_modules/.cache/weir')
  const cluster = join(cache, `pglite-${pglitePackage.version}`)
  if (existsSync(cluster)) return cluster
  mkdirSync(cache, { recursive: true })
  const made = mkdtempSync(join(cache, 'new-'))
  const handle = await openDatabase({ stateDir: made })
  await handle.close()
  try {
    renameSync(join(made, 'pg'), cluster)
  } catch (error) {
    // Another worker was first.
    if (!existsSync(cluster)) throw error
  }
  rmSync(made, { recursive: true, force: true })
  return cluster
}
