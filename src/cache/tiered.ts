import type { CacheStore } from './store.ts'

export type TieredOptions = {
  near: CacheStore
  far: CacheStore
  /** How long a request waits for the far store before it goes on without. */
  waitMs?: number | undefined
  /** Writes to the far store at a time; more are left out. */
  maxWrites?: number | undefined
  onError?: ((error: unknown) => void) | undefined
}

/**
 * A near store in front of one that replicas share. The far store may be slow or away: then answers come from the near one or from the
 * model. It is written behind the answer's back; `close` waits for what is being written.
 */
export const tieredStore = (options: TieredOptions): CacheStore & { close(): Promise<void> } => {
  const { near, far, waitMs = 100, maxWrites = 64, onError = () => {} } = options
  const writes = new Set<Promise<void>>()
  const missing = (error: unknown) => {
    onError(error)
    return undefined
  }
  return {
    get: async (key) => {
      const found = await near.get(key)
      if (found !== undefined) return found
      const shared = await within(far.get(key).catch(missing), waitMs)
      if (shared === undefined) return undefined
      await near.set(key, shared)
      return shared
    },
    set: async (key, entry) => {
      await near.set(key, entry)
      if (writes.size >= maxWrites) return
      const write = far
        .set(key, entry)
        .catch(onError)
        .finally(() => writes.delete(write))
      writes.add(write)
    },
    drop: async (variantHash) => {
      await near.drop(variantHash)
      await Promise.all(writes)
      await far.drop(variantHash)
      // A request may have fetched an answer while the far store was still deleting it.
      await near.drop(variantHash)
    },
    close: async () => {
      await Promise.all(writes)
    },
  }
}

/** What a promise brings in time, else undefined. */
const within = async <T>(promise: Promise<T | undefined>, waitMs: number): Promise<T | undefined> => {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), waitMs)
  const found = await Promise.race([promise, late.promise])
  clearTimeout(timer)
  return found
}
