import { bigint, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
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

/** What became of the semantic hits of each variant. `wrong`: of those checked, the model answered otherwise. */
export const semanticChecks = pgTable('semantic_checks', {
  variantHash: text('variant_hash').primaryKey(),
  route: text('route').notNull(),
  variant: text('variant').notNull(),
  hits: bigint('hits', { mode: 'number' }).notNull(),
  checked: bigint('checked', { mode: 'number' }).notNull(),
  wrong: bigint('wrong', { mode: 'number' }).notNull(),
  disabledAtMs: epochMs('disabled_at'),
})
