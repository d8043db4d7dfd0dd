import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/cache/memory.ts'
import { expireCacheEntries, postgresStore } from '../../src/cache/postgres.ts'
import type { CacheStore } from '../../src/cache/store.ts'
import { tieredStore } from '../../src/cache/tiered.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aKey, anEntry, testStore } from './store.contract.ts'

const memory = (clock: () => number, maxBytes = 1_000_000) => memoryStore({ maxBytes, clock })

describe('memory', () => {
  testStore(async (clock) => memory(clock))

  test('stays within its bytes and loses what was used longest ago', async () => {
    const store = memory(() => 0, 10_000)
    const long = 'x'.repeat(1000)
    for (let index = 0; index < 20; index += 1) {
      await store.set(aKey({ digest: String(index) }), anEntry(long, 0))
      await store.get(aKey({ digest: '0' }))
      expect(store.bytes).toBeLessThanOrEqual(10_000)
    }
    expect(await store.get(aKey({ digest: '0' }))).toBeDefined()
    expect(await store.get(aKey({ digest: '1' }))).toBeUndefined()
  })
})

describeDatabases('database', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  const emptied = async () => {
    await handle.db.execute(sql`truncate cache_entries`)
    return handle.db
  }

  testStore(async (clock) => postgresStore({ db: await emptied(), clock }))

  test('is shared by replicas, and swept of what has expired', async () => {
    const clock = () => 5_000
    const db = await emptied()
    const replica = await handle.replica()
    await postgresStore({ db, clock }).set(aKey(), anEntry('shared', 0))
    expect(await postgresStore({ db: replica.db, clock }).get(aKey())).toEqual(anEntry('shared', 0))
    expect(await expireCacheEntries(db, 60_000)).toBe(0)
    expect(await expireCacheEntries(db, 60_001)).toBe(1)
  })

  describe('behind memory', () => {
    testStore(async (clock) => {
      const near = memory(clock)
      const store = tieredStore({ near, far: postgresStore({ db: await emptied(), clock }) })
      // As another replica sees it: nothing near.
      return {
        ...store,
        set: async (key, entry) => {
          await store.set(key, entry)
          await store.close()
          await near.drop(key.variantHash)
        },
      }
    })
  })
})

describe('memory in front of a store that is', () => {
  const far = (changes: Partial<CacheStore>): CacheStore => ({
    get: async () => undefined,
    set: async () => {},
    drop: async () => {},
    ...changes,
  })

  test('away serves from memory, and tells of the trouble', async () => {
    const troubles: unknown[] = []
    const away = async () => {
      throw new Error('away')
    }
    const store = tieredStore({ near: memory(() => 0), far: far({ get: away, set: away }), onError: (error) => troubles.push(error) })
    expect(await store.get(aKey())).toBeUndefined()
    await store.set(aKey(), anEntry('near', 0))
    expect(await store.get(aKey())).toBeDefined()
    await store.close()
    expect(troubles).toHaveLength(2)
  })

  test('slow is not waited for', async () => {
    const store = tieredStore({ near: memory(() => 0), far: far({ get: () => new Promise(() => {}) }), waitMs: 5 })
    expect(await store.get(aKey())).toBeUndefined()
  })
})
