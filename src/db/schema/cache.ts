import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** Complete answers that replicas share; `answer` is the JSON of what a `CacheEntry` says. */
export const cacheEntries = pgTable(
  'cache_entries',
  {
    variantHash: text('variant_hash').notNull(),
    tenant: text('tenant').notNull(),
    digest: text('digest').notNull(),
    answer: text('answer').notNull(),
    storedAtMs: epochMs('stored_at').notNull(),
    expiresAtMs: epochMs('expires_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.variantHash, table.tenant, table.digest] })],
)
