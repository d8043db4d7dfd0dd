import { RedisClient } from 'bun'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redisStore } from '../../src/cache/redis.ts'
import type { CacheStore } from '../../src/cache/store.ts'
import { redisBinary, startRedis } from '../support/redis-process.ts'
import { type RespServer, startRespServer } from '../support/resp-server.ts'
import { aKey, anEntry, testStore } from './store.contract.ts'

const opened: { close(): void }[] = []
afterAll(() => {
  for (const store of opened) store.close()
})
const open = (url: string, options: Partial<Parameters<typeof redisStore>[0]> = {}) => {
  const store = redisStore({ url, clock: Date.now, waitMs: 5_000, againMs: 50, ...options })
  opened.push(store)
  return store
}

describe('a server that speaks RESP', () => {
  let server: RespServer
  beforeAll(() => {
    server = startRespServer()
  })
  beforeEach(() => {
    for (const key of server.keys()) server.forget(key)
  })
  afterAll(() => server.stop())

  testStore(async (clock) => open(server.url, { clock }))
  testShared(() => server.url)

  test('a stamp that the server evicts loses answers, and none that was dropped comes back', async () => {
    const store = open(server.url)
    await store.set(aKey(), anEntry('old', Date.now()))
    await store.drop(aKey().variantHash)
    expect(server.keys()).toHaveLength(1)
    await store.set(aKey({ digest: 'e'.repeat(64) }), anEntry('new', Date.now()))
    const stamp = server.keys().find((key) => key.endsWith('}'))
    server.forget(stamp ?? '')
    expect(await store.get(aKey({ digest: 'e'.repeat(64) }))).toBeUndefined()
    await store.set(aKey({ digest: 'f'.repeat(64) }), anEntry('newer', Date.now()))
    expect([await store.get(aKey()), await store.get(aKey({ digest: 'e'.repeat(64) }))]).toEqual([undefined, undefined])
  })

  test('everything in it expires, the stamp with the last of the answers', async () => {
    const store = open(server.url)
    const nowMs = Date.now()
    await store.set(aKey(), anEntry('long', nowMs, { expiresAtMs: nowMs + 2_000 }))
    await store.set(aKey({ digest: 'e'.repeat(64) }), anEntry('short', nowMs, { expiresAtMs: nowMs + 100 }))
    await Bun.sleep(200)
    expect(await store.get(aKey())).toBeDefined()
    await Bun.sleep(2_000)
    expect(server.keys()).toEqual([])
  })

  test('while it hangs or is away calls fail soon, and work again when it is back', async () => {
    const store = open(server.url, { waitMs: 200 })
    await store.set(aKey(), anEntry('kept', Date.now()))
    server.hang(true)
    await expect(store.get(aKey())).rejects.toThrow('within 200 ms')
    server.hang(false)
    await expect
      .poll(() => store.get(aKey()).catch(() => undefined))
      .toEqual(anEntry('kept', expect.any(Number) as never, { expiresAtMs: expect.any(Number) as never }))
    server.stop()
    await Bun.sleep(20)
    await expect(store.get(aKey())).rejects.toThrow()
    server.start()
    await expect.poll(() => store.get(aKey()).catch(() => undefined)).toBeDefined()
  })

  test('a drop while it is away holds here at once, and there as soon as it is back', async () => {
    const [store, other] = [open(server.url), open(server.url)]
    await store.set(aKey(), anEntry('wrong', Date.now()))
    server.stop()
    await Bun.sleep(20)
    await expect(store.drop(aKey().variantHash)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await store.get(aKey())).toBeUndefined()
    server.start()
    await expect.poll(() => other.get(aKey()).catch(() => 'away')).toBeUndefined()
    await store.set(aKey(), anEntry('right', Date.now()))
    await expect.poll(() => other.get(aKey()).catch(() => undefined)).toMatchObject({ events: [{ text: 'right' }, {}, {}] })
  })
})

if (redisBinary === null) console.info('neither redis-server nor valkey-server is installed: the Redis cache is tested on a stand-in only.')

describe.skipIf(redisBinary === null)('a real Redis or Valkey', () => {
  let server: Awaited<ReturnType<typeof startRedis>>
  beforeAll(async () => {
    server = await startRedis(redisBinary as string)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  testStore(async (clock) => {
    const client = new RedisClient(server.url)
    await client.send('FLUSHALL', [])
    client.close()
    return open(server.url, { clock })
  })
  testShared(() => server.url)
})

function testShared(url: () => string) {
  test('is shared by replicas, and a drop by one holds for all', async () => {
    const [one, two]: CacheStore[] = [open(url()), open(url())]
    await one!.drop(aKey().variantHash)
    await one!.set(aKey(), anEntry('shared', Date.now()))
    expect(await two!.get(aKey())).toMatchObject({ events: [{ text: 'shared' }, {}, {}] })
    await two!.drop(aKey().variantHash)
    expect(await one!.get(aKey())).toBeUndefined()
  })

  test('systems with another prefix do not meet', async () => {
    await open(url()).set(aKey(), anEntry('mine', Date.now()))
    expect(await open(url(), { prefix: 'staging' }).get(aKey())).toBeUndefined()
  })

  test('a large answer arrives whole', async () => {
    const store = open(url())
    const text = 'ü\u0000🌊'.repeat(200_000)
    await store.set(aKey(), anEntry(text, Date.now()))
    expect((await store.get(aKey()))?.events[0]).toEqual({ type: 'text-delta', choice: 0, text })
  })
}
