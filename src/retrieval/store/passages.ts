import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { type IndexRow, retrievalChunk, retrievalDocument, retrievalEntry } from '../../db/schema/retrieval.ts'
import type { Passage } from '../passages.ts'

const passageColumns = {
  chunkId: retrievalChunk.id,
  documentId: retrievalDocument.id,
  externalId: retrievalDocument.externalId,
  title: retrievalDocument.title,
  fileId: retrievalDocument.fileId,
  attributes: retrievalDocument.attributes,
  version: retrievalDocument.version,
  ordinal: retrievalChunk.ordinal,
  headingPath: retrievalChunk.headingPath,
  text: retrievalChunk.text,
  charStart: retrievalChunk.charStart,
  charEnd: retrievalChunk.charEnd,
  page: retrievalChunk.page,
  tokens: retrievalChunk.tokens,
}

/** The chunks behind these labels of an index, by label; one that was deleted since is not there. */
export const passagesOf = async (db: Database, row: IndexRow, labels: number[]): Promise<Map<number, Omit<Passage, 'score'>>> => {
  if (labels.length === 0) return new Map()
  const rows = await db
    .select({ label: retrievalEntry.label, ...passageColumns })
    .from(retrievalEntry)
    .innerJoin(retrievalChunk, eq(retrievalChunk.id, retrievalEntry.chunkId))
    .innerJoin(retrievalDocument, eq(retrievalDocument.id, retrievalChunk.documentId))
    .where(and(eq(retrievalEntry.indexId, row.id), eq(retrievalChunk.tenant, row.tenant), inArray(retrievalEntry.label, labels)))
  return new Map(rows.map(({ label, ...passage }) => [label, passage]))
}

/** The chunks right before and after these, of the same documents. */
export const neighboursOf = async (db: Database, passages: readonly Passage[]): Promise<Passage[]> => {
  if (passages.length === 0) return []
  const around = passages.flatMap(({ documentId, ordinal }) => [
    sql`(${documentId}, ${ordinal - 1}::integer)`,
    sql`(${documentId}, ${ordinal + 1}::integer)`,
  ])
  const rows = await db
    .select(passageColumns)
    .from(retrievalChunk)
    .innerJoin(retrievalDocument, eq(retrievalDocument.id, retrievalChunk.documentId))
    .where(sql`(${retrievalChunk.documentId}, ${retrievalChunk.ordinal}) in (${sql.join(around, sql`, `)})`)
  return rows.map((passage) => ({ ...passage, score: 0 }))
}
