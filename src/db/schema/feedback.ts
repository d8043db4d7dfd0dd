import { doublePrecision, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** What people and systems said of answers and subjects, append-only. */
export const feedback = pgTable('feedback', {
  id: uuid('id').primaryKey(),
  tenant: text('tenant').notNull(),
  metric: text('metric').notNull(),
  inferenceId: uuid('inference_id'),
  subject: text('subject'),
  session: text('session'),
  /** Booleans as 0 and 1, floats, and the values of events. */
  number: doublePrecision('number'),
  /** Labels, comments and demonstrations. */
  content: jsonb('content'),
  /** When it happened, and when it was told. */
  atMs: epochMs('at').notNull(),
  receivedAtMs: epochMs('received_at').notNull(),
  keyId: text('key_id'),
  idempotencyKey: text('idempotency_key'),
  fingerprint: text('fingerprint').notNull(),
  tags: jsonb('tags').$type<{ [key: string]: string }>(),
})
