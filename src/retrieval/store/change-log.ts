import { and, asc, eq, gt, lte, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { retrievalChange, retrievalChunk, retrievalEntry, retrievalIndex } from '../../db/schema/retrieval.ts'

/** One step of an index's history, with what is left of it: an entry that was removed since has neither vector nor words. */
export type LoggedChange = { seq: number; op: 'add' | 'remove'; label: number; vector: Uint8Array | null; terms: string | null }

const words = sql<string>`${retrievalChunk.ts}::text`

/** The log after `seq`, oldest first. */
export const changesAfter = (db: Database, indexId: string, seq: number, limit: number): Promise<LoggedChange[]> =>
  db
    .select({
      seq: retrievalChange.seq,
      op: retrievalChange.op,
      label: retrievalChange.label,
      vector: retrievalEntry.vector,
      terms: sql<string | null>`${words}`,
    })
    .from(retrievalChange)
    .leftJoin(retrievalEntry, and(eq(retrievalEntry.indexId, retrievalChange.indexId), eq(retrievalEntry.label, retrievalChange.label)))
    .leftJoin(retrievalChunk, eq(retrievalChunk.id, retrievalEntry.chunkId))
    .where(and(eq(retrievalChange.indexId, indexId), gt(retrievalChange.seq, seq)))
    .orderBy(asc(retrievalChange.seq))
    .limit(limit)

/** Every entry with its vector and words, in order of label. */
export const entriesAfter = (db: Database, indexId: string, label: number, limit: number) =>
  db
    .select({ label: retrievalEntry.label, vector: retrievalEntry.vector, terms: words })
    .from(retrievalEntry)
    .innerJoin(retrievalChunk, eq(retrievalChunk.id, retrievalEntry.chunkId))
    .where(and(eq(retrievalEntry.indexId, indexId), gt(retrievalEntry.label, label)))
    .orderBy(asc(retrievalEntry.label))
    .limit(limit)

/** The end of the log, and where what is kept of it begins; `first` is `last + 1` when all of it was trimmed. Undefined for an index that is gone. */
export const logBounds = async (db: Database, indexId: string): Promise<{ first: number; last: number } | undefined> => {
  const first = sql<
    number | null
  >`(select min(${retrievalChange.seq}) from ${retrievalChange} where ${retrievalChange.indexId} = ${indexId})`
  const [row] = await db.select({ last: retrievalIndex.lastSeq, first }).from(retrievalIndex).where(eq(retrievalIndex.id, indexId))
  return row === undefined ? undefined : { last: row.last, first: row.first === null ? row.last + 1 : Number(row.first) }
}

/** Forgets the log up to `seq`. A replica that was behind finds the gap and rebuilds from the rows. */
export const trimLog = async (db: Database, indexId: string, seq: number): Promise<void> => {
  await db.delete(retrievalChange).where(and(eq(retrievalChange.indexId, indexId), lte(retrievalChange.seq, seq)))
}
