import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { notify } from '../db/notify.ts'

export const servingChannel = 'weir_serving'

/** Call last in a transaction that changed routes or rollouts: the row lock makes revisions follow the order of commits. */
export const announceServing = async (tx: Database): Promise<void> => {
  await tx.execute(sql`update serving_revision set revision = revision + 1`)
  await notify(tx, servingChannel)
}

/** Grows with every change of routes or rollouts. */
export const servingRevision = async (db: Database): Promise<number> => {
  const [row] = await db.execute<{ revision: string | number }>(sql`select revision from serving_revision`)
  return Number(row?.revision ?? 0)
}
