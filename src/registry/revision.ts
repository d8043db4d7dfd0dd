import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { notify } from '../db/notify.ts'

export const modelChannel = 'weir_models'

/** Call last in a transaction that changed aliases or versions: the row lock makes revisions follow the order of commits. */
export const announceChange = async (tx: Database): Promise<void> => {
  await tx.execute(sql`update model_revision set revision = revision + 1`)
  await notify(tx, modelChannel)
}

/** Grows with every change of aliases or versions. */
export const currentRevision = async (db: Database): Promise<number> => {
  const [row] = await db.execute<{ revision: string | number }>(sql`select revision from model_revision`)
  return Number(row?.revision ?? 0)
}
