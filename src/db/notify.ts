import { sql } from 'drizzle-orm'
import type { Database } from './database.ts'

/** Tells listeners on every replica, when the surrounding transaction commits. At most 8000 bytes of payload. */
export const notify = async (db: Database, channel: string, payload = ''): Promise<void> => {
  await db.execute(sql`select pg_notify(${channel}, ${payload})`)
}
