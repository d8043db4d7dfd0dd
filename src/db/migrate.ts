import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { AppError } from '../lib/errors.ts'
import { sha256 } from '../lib/hash.ts'
import { lockedTransaction } from './advisory-lock.ts'
import type { Database } from './database.ts'

export const migrationsDirectory = join(import.meta.dirname, '../../migrations')

/**
 * Applies every migration file that the database lacks, in order of name, each in a transaction of its own under a lock that all
 * starters share, and returns the names applied. Throws `conflict` when an applied file has changed since, or when the database
 * knows a migration that these files do not: it was written by a newer version.
 */
export const migrate = async (db: Database, directory = migrationsDirectory): Promise<string[]> => {
  const migrations = readMigrations(directory)
  const pending = await lockedTransaction(db, 'migrate', async (tx) => {
    await tx.execute(sql`
      create table if not exists weir_migrations (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default now()
      )`)
    return unapplied(migrations, await appliedMigrations(tx))
  })
  const done: string[] = []
  for (const migration of pending) if (await apply(db, migration)) done.push(migration.name)
  return done
}

type Migration = { name: string; text: string; sha256: string }

const readMigrations = (directory: string): Migration[] =>
  readdirSync(directory)
    .filter((file) => /^\d{4}_.+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const text = readFileSync(join(directory, file), 'utf8')
      return { name: file.replace(/\.sql$/, ''), text, sha256: sha256(text) }
    })

const appliedMigrations = async (db: Database): Promise<Map<string, string>> => {
  const rows = await db.execute<{ name: string; sha256: string }>(sql`select name, sha256 from weir_migrations`)
  return new Map(rows.map((row) => [row.name, row.sha256]))
}

const unapplied = (migrations: Migration[], applied: Map<string, string>): Migration[] => {
  const known = new Set(migrations.map((migration) => migration.name))
  const unknown = [...applied.keys()].filter((name) => !known.has(name)).sort()
  if (unknown.length > 0) {
    throw new AppError('conflict', `the database has migrations that this version does not know (${unknown.join(', ')}): run a newer Weir`)
  }
  const changed = migrations.filter(({ name, sha256 }) => applied.has(name) && applied.get(name) !== sha256)
  if (changed.length > 0) {
    const names = changed.map(({ name }) => name).join(', ')
    throw new AppError(
      'conflict',
      `migrations changed after they were applied (${names}): restore the files and add a new migration instead`,
    )
  }
  return migrations.filter(({ name }) => !applied.has(name))
}

/** False when another starter applied it while this one waited for the lock. */
const apply = (db: Database, { name, text, sha256 }: Migration): Promise<boolean> =>
  lockedTransaction(db, 'migrate', async (tx) => {
    if ((await appliedMigrations(tx)).has(name)) return false
    try {
      await tx.execute(sql.raw(text))
    } catch (cause) {
      throw new AppError('internal', `migration ${name} failed: ${rootMessage(cause)}`, { cause })
    }
    await tx.execute(sql`insert into weir_migrations (name, sha256) values (${name}, ${sha256})`)
    return true
  })

const rootMessage = (error: unknown): string =>
  error instanceof Error ? (error.cause ? rootMessage(error.cause) : error.message) : String(error)
