import type { ChatEvent } from '../models/chat-model.ts'

/** Where an answer lies. Tenant and variant are parts of the place itself, so that no lookup can cross them. */
export type CacheKey = {
  tenant: string
  variantHash: string
  /** sha256 of everything else that decides the answer, 64 hex digits. */
  digest: string
}

/** A complete answer: every event of its stream, from the first delta to the usage. */
export type CacheEntry = {
  events: readonly ChatEvent[]
  /** The configured model that answered, and what its host called it. */
  modelId: string
  upstreamModel: string | undefined
  /** Milliseconds since the epoch. */
  storedAtMs: number
  expiresAtMs: number
}

/** The port every place for answers stands behind. `test/cache/store.contract.ts` says what it promises. */
export type CacheStore = {
  /** Undefined when there is none, or none any more. */
  get(key: CacheKey): Promise<CacheEntry | undefined>
  /** Replaces what was there. */
  set(key: CacheKey, entry: CacheEntry): Promise<void>
  /** Forgets every answer of a variant, of all tenants. */
  drop(variantHash: string): Promise<void>
}
