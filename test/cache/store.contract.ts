import { expect, test } from 'vitest'
import type { CacheEntry, CacheKey, CacheStore } from '../../src/cache/store.ts'

export const aKey = (changes: Partial<CacheKey> = {}): CacheKey => ({
  tenant: 'acme',
  variantHash: 'a'.repeat(64),
  digest: 'd'.repeat(64),
  ...changes,
})

/** Every character that stores trip over: NUL, half a surrogate pair, and text beyond ASCII. */
export const anEntry = (text: string, nowMs: number, changes: Partial<CacheEntry> = {}): CacheEntry => ({
  events: [
    { type: 'text-delta', choice: 0, text },
    { type: 'finish', choice: 0, reason: 'stop' },
    { type: 'usage', usage: { promptTokens: 3, completionTokens: 1, cachedTokens: 0 } },
  ],
  modelId: 'tiny',
  upstreamModel: undefined,
  storedAtMs: nowMs,
  expiresAtMs: nowMs + 60_000,
  ...changes,
})

/** What every place for answers promises. `make` gives an empty store whose clock the test sets. */
export const testStore = (make: (clock: () => number) => Promise<CacheStore>): void => {
  const startMs = 1_800_000_000_000

  test('gives back what was stored, and replaces it', async () => {
    const store = await make(() => startMs)
    expect(await store.get(aKey())).toBeUndefined()
    await store.set(aKey(), anEntry('first', startMs))
    const second = anEntry('\u0000 \ud83c\udf0a naïve', startMs, { upstreamModel: 'host-name' })
    await store.set(aKey(), second)
    expect(await store.get(aKey())).toEqual(second)
  })

  test('never gives an answer to another tenant, another variant or another request', async () => {
    const store = await make(() => startMs)
    await store.set(aKey(), anEntry('for acme alone', startMs))
    expect(await store.get(aKey({ tenant: 'other' }))).toBeUndefined()
    expect(await store.get(aKey({ variantHash: 'b'.repeat(64) }))).toBeUndefined()
    expect(await store.get(aKey({ digest: 'e'.repeat(64) }))).toBeUndefined()
  })

  test('forgets what has expired', async () => {
    let nowMs = startMs
    const store = await make(() => nowMs)
    await store.set(aKey(), anEntry('soon gone', startMs))
    nowMs += 59_999
    expect(await store.get(aKey())).toBeDefined()
    nowMs += 1
    expect(await store.get(aKey())).toBeUndefined()
  })

  test('drops the answers of one variant, of every tenant, and no others', async () => {
    const store = await make(() => startMs)
    const kept = aKey({ variantHash: 'b'.repeat(64) })
    for (const key of [aKey(), aKey({ tenant: 'other' }), kept]) await store.set(key, anEntry('x', startMs))
    await store.drop('a'.repeat(64))
    expect(await store.get(aKey())).toBeUndefined()
    expect(await store.get(aKey({ tenant: 'other' }))).toBeUndefined()
    expect(await store.get(kept)).toBeDefined()
  })
}
