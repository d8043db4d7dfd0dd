import { RedisClient } from 'bun'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import type { CacheEntry, CacheKey, CacheStore } from './store.ts'

export type RedisStoreOptions = {
  /** `redis://`, `rediss://` or `valkey://`, with credentials and database if need be. */
  url: string
  /** Begins every key, so that several systems may share a server. */
  prefix?: string | undefined
  clock: Clock
  /** Milliseconds after which a connection that does not answer is given up. */
  waitMs?: number | undefined
  /** Milliseconds until a drop that failed is tried again, and a lost connection made anew. */
  againMs?: number | undefined
  onError?: ((error: unknown) => void) | undefined
}

/**
 * Answers in Redis 7 or Valkey, shared by replicas. An entry counts only with the stamp that its variant had when it was written, so a drop is
 * one deletion of that stamp, however many answers there are; a stamp that the server evicts loses answers and never brings any back.
 */
export const redisStore = (options: RedisStoreOptions): CacheStore & { close(): void } => {
  const { url, prefix = 'weir', clock, waitMs = 1000, againMs = 1000, onError = () => {} } = options
  const dropping = new Map<string, Timer | undefined>()
  let client: RedisClient | undefined
  let connecting: Promise<RedisClient> | undefined
  let restsUntilMs = 0
  let closed = false

  const connect = async (): Promise<RedisClient> => {
    const made = new RedisClient(url, { connectionTimeout: waitMs, enableOfflineQueue: false, autoReconnect: false })
    try {
      await inTime(made.connect(), waitMs)
    } catch (error) {
      made.close()
      restsUntilMs = performance.now() + againMs
      throw error
    }
    if (closed) made.close()
    client = made
    return made
  }
  const connection = async (): Promise<RedisClient> => {
    if (client?.connected) return client
    if (closed || performance.now() < restsUntilMs) throw new Error('the connection to Redis is lost')
    connecting ??= connect().finally(() => {
      connecting = undefined
    })
    return connecting
  }

  /** Sends commands at once. A server that takes a connection and then says nothing is left, so that the next call finds another. */
  const ask = async <T>(work: (client: RedisClient) => Promise<T>): Promise<T> => {
    const at = await connection()
    try {
      return await inTime(work(at), waitMs)
    } catch (error) {
      if (error instanceof AppError) at.close()
      throw error
    }
  }

  // Braces keep the keys of a variant in one slot of a cluster.
  const stampKey = (variantHash: string) => `${prefix}:cache:{${variantHash}}`
  const entryKey = ({ variantHash, tenant, digest }: CacheKey) => `${stampKey(variantHash)}:${tenant}:${digest}`

  const drop = async (variantHash: string): Promise<void> => {
    clearTimeout(dropping.get(variantHash))
    dropping.set(variantHash, undefined)
    try {
      await ask((at) => at.del(stampKey(variantHash)))
      dropping.delete(variantHash)
    } catch (cause) {
      if (!closed) dropping.set(variantHash, setTimeout(() => void drop(variantHash).catch(onError), againMs).unref())
      throw new AppError('unavailable', 'the shared cache is away: what it holds of the variant is not used, and dropped once it is back', {
        cause,
      })
    }
  }

  return {
    get: async (key) => {
      if (dropping.has(key.variantHash)) return undefined
      const [stamp, text] = await ask((at) => at.mget(stampKey(key.variantHash), entryKey(key)))
      if (!stamp || !text || dropping.has(key.variantHash)) return undefined
      const found = JSON.parse(text) as Stored
      return found.stamp === stamp && found.entry.expiresAtMs > clock() ? found.entry : undefined
    },
    set: async (key, entry) => {
      const leftMs = String(Math.ceil(entry.expiresAtMs - clock()))
      if (dropping.has(key.variantHash) || Number(leftMs) <= 0) return
      const at = stampKey(key.variantHash)
      const stamp = await ask(async (on) => {
        const [, , known] = await Promise.all([
          on.send('SET', [at, Bun.randomUUIDv7(), 'NX', 'PX', leftMs]),
          on.send('PEXPIRE', [at, leftMs, 'GT']),
          on.get(at),
        ])
        return known
      })
      if (stamp === null) return
      await ask((on) => on.send('SET', [entryKey(key), JSON.stringify({ stamp, entry } satisfies Stored), 'PX', leftMs]))
    },
    drop,
    close: () => {
      closed = true
      for (const timer of dropping.values()) clearTimeout(timer)
      client?.close()
    },
  }
}

type Stored = { stamp: string; entry: CacheEntry }

const inTime = async <T>(promise: Promise<T>, waitMs: number): Promise<T> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new AppError('timeout', `Redis did not answer within ${waitMs} ms`)), waitMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
