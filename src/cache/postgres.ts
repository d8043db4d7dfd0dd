import { and, eq, gt, lt, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { cacheEntries } from '../db/schema/cache.ts'
import type { Clock } from '../lib/clock.ts'
import type { CacheEntry, CacheKey, CacheStore } from './store.ts'

/** NOTIFY channel on which the hash of a dropped variant is announced, for the memory of other replicas. */
export const cacheDropChannel = 'weir_cache_drop'

/** Answers in a table that all replicas share. */
export const postgresStore = ({ db, clock }: { db: Database; clock: Clock }): CacheStore => ({
  get: async (key) => {
    const [row] = await db
      .select()
      .from(cacheEntries)
      .where(and(at(key), gt(cacheEntries.expiresAtMs, clock())))
    if (row === undefined) return undefined
    const { storedAtMs, expiresAtMs } = row
    return { ...(JSON.parse(row.answer) as Pick<CacheEntry, 'events' | 'modelId' | 'upstreamModel'>), storedAtMs, expiresAtMs }
  },
  set: async ({ tenant, variantHash, digest }, { storedAtMs, expiresAtMs, ...answer }) => {
    const values = { answer: JSON.stringify(answer), storedAtMs, expiresAtMs }
    await db
      .insert(cacheEntries)
      .values({ tenant, variantHash, digest, ...values })
      .onConflictDoUpdate({ target: [cacheEntries.variantHash, cacheEntries.tenant, cacheEntries.digest], set: values })
  },
  drop: (variantHash) =>
    db.transaction(async (tx) => {
      await tx.delete(cacheEntries).where(eq(cacheEntries.variantHash, variantHash))
      await notify(tx, cacheDropChannel, variantHash)
    }),
})

/** Deletes what has expired and returns how much that was. */
export const expireCacheEntries = async (db: Database, nowMs: number): Promise<number> => {
  const gone = await db.delete(cacheEntries).where(lt(cacheEntries.expiresAtMs, nowMs)).returning({ one: sql`1` })
  return gone.length
}

const at = ({ tenant, variantHash, digest }: CacheKey) =>
  and(eq(cacheEntries.variantHash, variantHash), eq(cacheEntries.tenant, tenant), eq(cacheEntries.digest, digest))
