import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import {
  type Collection,
  type Document,
  type IndexRow,
  retrievalChange,
  retrievalChunk,
  retrievalDocument,
  retrievalDocumentVersion,
  retrievalEntry,
  retrievalIndex,
} from '../../db/schema/retrieval.ts'
import { AppError } from '../../lib/errors.ts'
import { sha256 } from '../../lib/hash.ts'
import { type Chunk, embeddedText } from '../chunk/chunk.ts'
import { newId } from '../ids.ts'
import { vectorToBytes } from '../index/wire.ts'

/** A parsed, cut and embedded document, ready to become the current version. */
export type ReadyVersion = {
  contentSha256: string
  pipelineSha256: string
  title: string | null
  bytes: number
  characters: number
  chunks: Chunk[]
  /** For every index of the collection, the vectors of chunks it did not have, by content hash. */
  vectors: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>
}

/** What a chunk says, headings included: equal hashes have equal vectors. */
export const chunkHash = (chunk: Pick<Chunk, 'headingPath' | 'text'>): string => sha256(embeddedText(chunk))

/**
 * Makes a version current in one short transaction: readers see the old document or the new one. Chunks whose content is unchanged keep their row,
 * label and vectors; the rest is removed from or added to every index, and to its log. Throws `conflict` when the document or the set of indexes
 * moved since the version was prepared: prepare it again.
 */
export const commitVersion = (
  db: Database,
  collection: Collection,
  document: Document,
  ready: ReadyVersion,
  nowMs: number,
): Promise<{ added: number; removed: number; kept: number }> =>
  db.transaction(async (tx) => {
    const [locked] = await tx.select().from(retrievalDocument).where(eq(retrievalDocument.id, document.id)).for('update')
    if (locked === undefined || locked.version !== document.version)
      throw new AppError('conflict', 'the document changed while it was being read')
    const indexes = await lockIndexes(tx, collection.id)
    const old = await tx
      .select({ id: retrievalChunk.id, hash: retrievalChunk.contentSha256 })
      .from(retrievalChunk)
      .where(eq(retrievalChunk.documentId, document.id))
      .orderBy(asc(retrievalChunk.ordinal))
    const { kept, added, removed } = matchChunks(old, ready.chunks)

    const versionId = newId('version')
    const version = document.version + 1
    await tx.insert(retrievalDocumentVersion).values({
      id: versionId,
      documentId: document.id,
      version,
      contentSha256: ready.contentSha256,
      pipelineSha256: ready.pipelineSha256,
      bytes: ready.bytes,
      characters: ready.characters,
      chunks: ready.chunks.length,
      createdAtMs: nowMs,
    })
    await moveChunks(tx, versionId, kept)
    await removeChunks(tx, indexes, removed, nowMs)
    const made = await insertChunks(tx, collection, document.id, versionId, added)
    for (const index of indexes) await addEntries(tx, index, made, ready.vectors, nowMs)
    await tx
      .update(retrievalDocument)
      .set({ title: ready.title, status: 'completed', errorCode: null, errorMessage: null, versionId, version, updatedAtMs: nowMs })
      .where(eq(retrievalDocument.id, document.id))
    return { added: added.length, removed: removed.length, kept: kept.length }
  })

/** Removes a document; its chunks leave every index through the log. The indexes are returned, or undefined when it was gone already. */
export const deleteDocument = (db: Database, collection: Collection, documentId: string, nowMs: number): Promise<IndexRow[] | undefined> =>
  db.transaction(async (tx) => {
    const [locked] = await tx
      .select({ id: retrievalDocument.id })
      .from(retrievalDocument)
      .where(and(eq(retrievalDocument.collectionId, collection.id), eq(retrievalDocument.id, documentId)))
      .for('update')
    if (locked === undefined) return undefined
    const indexes = await lockIndexes(tx, collection.id)
    const chunks = await tx.select({ id: retrievalChunk.id }).from(retrievalChunk).where(eq(retrievalChunk.documentId, documentId))
    await removeChunks(
      tx,
      indexes,
      chunks.map((chunk) => chunk.id),
      nowMs,
    )
    await tx.delete(retrievalDocument).where(eq(retrievalDocument.id, documentId))
    return indexes
  })

/** Gives existing chunks their vectors in an index that is being built. Chunks that vanished, or have them already, are passed over. */
export const addMissingEntries = (
  db: Database,
  indexId: string,
  vectors: ReadonlyMap<string, Float32Array>,
  nowMs: number,
): Promise<void> =>
  db.transaction(async (tx) => {
    const [index] = await tx.select().from(retrievalIndex).where(eq(retrievalIndex.id, indexId)).for('update')
    if (index === undefined) return
    const alive = await tx
      .select({ id: retrievalChunk.id, hash: retrievalChunk.contentSha256 })
      .from(retrievalChunk)
      .where(
        and(
          inArray(retrievalChunk.id, [...vectors.keys()]),
          sql`not exists (select 1 from ${retrievalEntry} where ${retrievalEntry.indexId} = ${indexId} and ${retrievalEntry.chunkId} = ${retrievalChunk.id})`,
        ),
      )
      .for('key share')
    const byHash = new Map(alive.map(({ id, hash }) => [hash, vectors.get(id) as Float32Array]))
    await addEntries(tx, index, alive, new Map([[indexId, byHash]]), nowMs)
  })

/** In one order everywhere, so that two writers never wait for each other. */
const lockIndexes = (tx: Database, collectionId: string): Promise<IndexRow[]> =>
  tx.select().from(retrievalIndex).where(eq(retrievalIndex.collectionId, collectionId)).orderBy(asc(retrievalIndex.id)).for('update')

type Made = { id: string; hash: string }

const matchChunks = (old: Made[], chunks: Chunk[]) => {
  const free = new Map<string, string[]>()
  for (const { id, hash } of old) free.set(hash, [...(free.get(hash) ?? []), id])
  const kept: { id: string; chunk: Chunk }[] = []
  const added: Chunk[] = []
  for (const chunk of chunks) {
    const id = free.get(chunkHash(chunk))?.shift()
    if (id === undefined) added.push(chunk)
    else kept.push({ id, chunk })
  }
  return { kept, added, removed: [...free.values()].flat() }
}

const moveChunks = async (tx: Database, versionId: string, kept: { id: string; chunk: Chunk }[]): Promise<void> => {
  if (kept.length === 0) return
  const rows = kept.map(({ id, chunk }) => ({ id, o: chunk.ordinal, s: chunk.charStart, e: chunk.charEnd, p: chunk.page }))
  await tx.execute(sql`
    update retrieval_chunk c
    set version_id = ${versionId}, ordinal = x.o, char_start = x.s, char_end = x.e, page = x.p
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(id text, o integer, s integer, e integer, p integer)
    where c.id = x.id`)
}

const removeChunks = async (tx: Database, indexes: IndexRow[], chunkIds: string[], nowMs: number): Promise<void> => {
  if (chunkIds.length === 0) return
  for (const batch of batches(chunkIds, 5000)) {
    for (const index of indexes) {
      const entries = await tx
        .select({ label: retrievalEntry.label })
        .from(retrievalEntry)
        .where(and(eq(retrievalEntry.indexId, index.id), inArray(retrievalEntry.chunkId, batch)))
        .orderBy(asc(retrievalEntry.label))
      await log(
        tx,
        index,
        'remove',
        entries.map((entry) => entry.label),
        nowMs,
      )
    }
    // Entries go with their chunk.
    await tx.delete(retrievalChunk).where(inArray(retrievalChunk.id, batch))
  }
}

const insertChunks = async (
  tx: Database,
  collection: Collection,
  documentId: string,
  versionId: string,
  chunks: Chunk[],
): Promise<Made[]> => {
  const rows = chunks.map((chunk) => ({
    id: newId('chunk'),
    tenant: collection.tenant,
    collectionId: collection.id,
    documentId,
    versionId,
    ordinal: chunk.ordinal,
    headingPath: chunk.headingPath,
    text: chunk.text,
    contentSha256: chunkHash(chunk),
    charStart: chunk.charStart,
    charEnd: chunk.charEnd,
    page: chunk.page,
    tokens: chunk.tokens,
    ts: sql`to_tsvector(${collection.textConfig}::regconfig, ${embeddedText(chunk)})`,
  }))
  for (const batch of batches(rows, 200)) await tx.insert(retrievalChunk).values(batch)
  return rows.map(({ id, contentSha256 }) => ({ id, hash: contentSha256 }))
}

const addEntries = async (tx: Database, index: IndexRow, made: Made[], vectors: ReadyVersion['vectors'], nowMs: number): Promise<void> => {
  if (made.length === 0) return
  const known = vectors.get(index.id)
  const rows = made.map(({ id, hash }, at) => {
    const vector = known?.get(hash)
    if (vector === undefined) throw new AppError('conflict', 'an index was added while the document was being read')
    return { indexId: index.id, label: index.nextLabel + at, chunkId: id, vector: vectorToBytes(vector) }
  })
  for (const batch of batches(rows, 200)) await tx.insert(retrievalEntry).values(batch)
  index.nextLabel += rows.length
  await log(
    tx,
    index,
    'add',
    rows.map((row) => row.label),
    nowMs,
  )
}

/** Entries of the log, and the counters that number them. The row of the index is locked, so the log has no gaps and commits in order. */
const log = async (tx: Database, index: IndexRow, op: 'add' | 'remove', labels: number[], nowMs: number): Promise<void> => {
  const rows = labels.map((label, at) => ({ indexId: index.id, seq: index.lastSeq + 1 + at, op, label, createdAtMs: nowMs }))
  for (const batch of batches(rows, 1000)) await tx.insert(retrievalChange).values(batch)
  index.lastSeq += rows.length
  await tx.update(retrievalIndex).set({ lastSeq: index.lastSeq, nextLabel: index.nextLabel }).where(eq(retrievalIndex.id, index.id))
}

const batches = function* <Item>(items: Item[], size: number): Generator<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
