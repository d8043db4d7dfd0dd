import { bigint, boolean, pgTable, text } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** What has been taken of limits and budgets; columns as `Taken`. Units are whole: requests, tokens, or billionths of a US dollar. */
export const allowances = pgTable('allowances', {
  subject: text('subject').primaryKey(),
  startMs: epochMs('started_at').notNull(),
  used: bigint('used', { mode: 'number' }).notNull(),
  before: bigint('used_before', { mode: 'number' }).notNull(),
  warned: boolean('warned').notNull(),
})
