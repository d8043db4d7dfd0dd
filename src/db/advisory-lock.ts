import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Database } from './database.ts'

/** Runs `work` in a transaction that is alone, among all replicas, under `name`; waits for its turn. */
export const lockedTransaction = <T>(db: Database, name: string, work: (tx: Database) => Promise<T>): Promise<T> =>
  db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${lockKey(name)}::bigint)`)
    return work(tx)
  })

/** As `lockedTransaction`, but returns undefined at once when another replica is at it. */
export const tryLockedTransaction = <T>(db: Database, name: string, work: (tx: Database) => Promise<T>): Promise<T | undefined> =>
  db.transaction(async (tx) => {
    const [row] = await tx.execute<{ held: boolean }>(sql`select pg_try_advisory_xact_lock(${lockKey(name)}::bigint) as held`)
    return row?.held ? work(tx) : undefined
  })

/** The first eight bytes of sha256, as the signed integer that Postgres wants. */
const lockKey = (name: string): string => createHash('sha256').update(`weir:${name}`).digest().readBigInt64BE().toString()
