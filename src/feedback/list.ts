import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { feedback } from '../db/schema/feedback.ts'

export type FeedbackFilter = {
  tenant?: string | undefined
  metric?: string | undefined
  inferenceId?: string | undefined
  subject?: string | undefined
  /** By when it happened, in milliseconds since the epoch: from, inclusive, and to, exclusive. */
  fromMs?: number | undefined
  toMs?: number | undefined
  /** Only what was stored before the feedback with this id. */
  before?: string | undefined
}

export type StoredFeedback = typeof feedback.$inferSelect

/** What was said, the last stored first, at most `limit`. */
export const listFeedback = (db: Database, filter: FeedbackFilter, limit: number): Promise<StoredFeedback[]> =>
  db
    .select()
    .from(feedback)
    .where(and(...conditions(filter)))
    .orderBy(desc(feedback.id))
    .limit(limit)

const conditions = ({ fromMs, toMs, before, ...names }: FeedbackFilter): SQL[] => [
  ...(['tenant', 'metric', 'inferenceId', 'subject'] as const).flatMap((name) =>
    names[name] === undefined ? [] : [eq(feedback[name], names[name])],
  ),
  ...(fromMs === undefined ? [] : [gte(feedback.atMs, fromMs)]),
  ...(toMs === undefined ? [] : [lt(feedback.atMs, toMs)]),
  ...(before === undefined ? [] : [lt(feedback.id, before)]),
]
