import { LRUCache } from 'lru-cache'
import type { Clock } from '../lib/clock.ts'
import type { CacheEntry, CacheKey, CacheStore } from './store.ts'

export type MemoryStore = CacheStore & { readonly bytes: number }

/** Answers in this process, bounded by bytes; what was used longest ago goes first. */
export const memoryStore = ({ maxBytes, clock }: { maxBytes: number; clock: Clock }): MemoryStore => {
  const entries = new LRUCache<string, CacheEntry>({ maxSize: maxBytes, sizeCalculation: bytesOf })
  return {
    get: async (key) => {
      const entry = entries.get(placeOf(key))
      return entry !== undefined && entry.expiresAtMs > clock() ? entry : undefined
    },
    set: async (key, entry) => {
      entries.set(placeOf(key), entry)
    },
    drop: async (variantHash) => {
      for (const place of [...entries.keys()]) if (place.startsWith(`${variantHash}\n`)) entries.delete(place)
    },
    get bytes() {
      return entries.calculatedSize
    },
  }
}

const placeOf = ({ variantHash, tenant, digest }: CacheKey): string => `${variantHash}\n${tenant}\n${digest}`

/** An estimate: engines keep text in one or two bytes a character, and some for each object. */
const bytesOf = (entry: CacheEntry): number => 500 + 2 * JSON.stringify(entry.events).length
