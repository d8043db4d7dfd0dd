import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import {
  type Collection,
  type IndexRow,
  retrievalChunk,
  retrievalCollection,
  retrievalEntry,
  retrievalIndex,
} from '../db/schema/retrieval.ts'
import { AppError } from '../lib/errors.ts'
import { embeddedText } from './chunk/chunk.ts'
import { embedPassages, modelNamed, modelOfVersion } from './embedding.ts'
import { newId } from './ids.ts'
import type { Retrieval } from './retrieval.ts'
import { indexesOf, newIndex } from './store/collections.ts'
import { addMissingEntries } from './store/commit.ts'

/** Who asked for a change, and why: kept with it. */
export type Reason = { actor: string; reason: string | null }

/**
 * Another embedding model, blue/green: a new index is built beside the old one, which serves on. From its first moment every commit writes to both, so
 * the two never drift. Nothing switches by itself: `compareIndexes` measures, `switchIndex` moves the pointer, and moving it back is the rollback.
 */
export const startReindex = async (
  retrieval: Retrieval,
  collection: Collection,
  embedding: string,
  kind: IndexRow['kind'],
): Promise<IndexRow> => {
  const { database, models, clock } = retrieval.deps
  const model = modelNamed(models, embedding)
  return database.db.transaction(async (tx) => {
    await tx.select().from(retrievalCollection).where(eq(retrievalCollection.id, collection.id)).for('update')
    const existing = await indexesOf(tx, collection.id)
    const same = existing.find((index) => index.embeddingVersion === model.version && index.kind === kind)
    if (same?.state === 'building') return same
    if (same !== undefined) throw new AppError('conflict', `the collection has this index already, as ${same.state}`)
    if (existing.some((index) => index.state === 'building'))
      throw new AppError('conflict', 'another index is being built: switch to it or drop it first')
    const [made] = await tx
      .insert(retrievalIndex)
      .values(newIndex(newId('index'), collection, model, kind, 'building', clock()))
      .returning()
    if (made === undefined) throw new AppError('internal', 'the index was not made')
    return made
  })
}

/** Gives every chunk its vector in the new index. May be interrupted and called again; resolves when none is missing. */
export const backfill = async (
  retrieval: Retrieval,
  row: IndexRow,
  onProgress: (progress: { done: number; total: number }) => void,
  signal: AbortSignal,
): Promise<void> => {
  const { database, models, clock } = retrieval.deps
  const { db } = database
  const model = modelOfVersion(models, row.embeddingVersion, row.embeddingModel)
  const total = await chunkCount(db, row.collectionId)
  let after = ''
  for (;;) {
    signal.throwIfAborted()
    const chunks = await missingChunks(db, row, after)
    onProgress({ done: total - (await missingCount(db, row)), total })
    const last = chunks.at(-1)
    // Once more from the beginning: a commit that began before this index existed may have added chunks behind us.
    if (last === undefined && after === '') break
    if (last === undefined) {
      after = ''
      continue
    }
    const vectors = await embedPassages(model, chunks.map(embeddedText), row.tenant, row.id, signal)
    await addMissingEntries(db, row.id, new Map(chunks.map(({ id }, at) => [id, vectors[at] as Float32Array])), clock())
    after = last.id
  }
  await retrieval.indexes.changed([row])
}

/**
 * Brings a collection to the embedding model that the configuration names. Nothing to do in the usual case. While the old model is still configured the new
 * index is only built: somebody compares, then switches. When it is gone (its file was replaced, as by an upgrade) no query could be answered any more, so
 * the collection switches as soon as the new index is complete, and the useless one is dropped.
 */
export const alignEmbedding = async (
  retrieval: Retrieval,
  collection: Collection,
  embedding: string,
  kind: IndexRow['kind'],
  signal: AbortSignal,
): Promise<'aligned' | 'built' | 'switched'> => {
  const { database, models, clock } = retrieval.deps
  const wanted = modelNamed(models, embedding)
  const rows = await indexesOf(database.db, collection.id)
  const active = rows.find((row) => row.id === collection.activeIndexId)
  if (active === undefined || active.embeddingVersion === wanted.version) return 'aligned'
  const isUseless = (row: IndexRow) => !models().some(({ version }) => version === row.embeddingVersion)
  const by = { actor: 'startup', reason: 'the embedding model that made the index is no longer configured' }
  for (const row of rows) if (row.id !== active.id && isUseless(row)) await dropIndex(retrieval, collection, row.id, by)
  const existing = rows.find((row) => row.embeddingVersion === wanted.version)
  const row = existing ?? (await startReindex(retrieval, collection, embedding, kind))
  await backfill(retrieval, row, () => undefined, signal)
  if (!isUseless(active)) return 'built'
  await switchIndex(database.db, collection, row.id, active.id, by, clock())
  await dropIndex(retrieval, collection, active.id, by)
  return 'switched'
}

/**
 * Moves the collection's pointer: the next query reads the other index, a running one finishes on the old. The old one stays, kept current, for a rollback.
 * Throws `conflict` when the index still lacks chunks, or when the pointer moved since `expectedIndexId` was read.
 */
export const switchIndex = (
  db: Database,
  collection: Collection,
  toIndexId: string,
  expectedIndexId: string,
  by: Reason,
  nowMs: number,
): Promise<IndexRow> =>
  db.transaction(async (tx) => {
    const [locked] = await tx.select().from(retrievalCollection).where(eq(retrievalCollection.id, collection.id)).for('update')
    if (locked?.activeIndexId !== expectedIndexId) throw new AppError('conflict', 'another index became active meanwhile: look again')
    const rows = await tx
      .select()
      .from(retrievalIndex)
      .where(eq(retrievalIndex.collectionId, collection.id))
      .orderBy(asc(retrievalIndex.id))
      .for('update')
    const target = rows.find((row) => row.id === toIndexId)
    if (target === undefined) throw new AppError('not_found', `there is no index '${toIndexId}' in this collection`)
    const missing = await missingCount(tx, target)
    if (missing > 0) throw new AppError('conflict', `the index lacks ${missing} chunks: it is still being built`)
    await tx.update(retrievalIndex).set({ state: 'standby', switchedAtMs: nowMs }).where(eq(retrievalIndex.id, expectedIndexId))
    await tx.update(retrievalIndex).set({ state: 'active', switchedAtMs: nowMs }).where(eq(retrievalIndex.id, toIndexId))
    await tx.update(retrievalCollection).set({ activeIndexId: toIndexId }).where(eq(retrievalCollection.id, collection.id))
    await appendAuditEvent(tx, {
      atMs: nowMs,
      actor: by.actor,
      action: 'collection.switch',
      target: `collection/${collection.id}`,
      beforeHash: expectedIndexId,
      afterHash: toIndexId,
      reason: by.reason,
    })
    return { ...target, state: 'active' }
  })

/** Gives up an index that is being built, or reclaims one that is no longer wanted for a rollback. Never the active one. */
export const dropIndex = async (retrieval: Retrieval, collection: Collection, indexId: string, by: Reason): Promise<void> => {
  const { database, clock } = retrieval.deps
  const dropped = await database.db.transaction(async (tx) => {
    const [locked] = await tx.select().from(retrievalCollection).where(eq(retrievalCollection.id, collection.id)).for('update')
    if (locked?.activeIndexId === indexId) throw new AppError('conflict', 'this index answers queries: switch to another one first')
    const own = and(eq(retrievalIndex.id, indexId), eq(retrievalIndex.collectionId, collection.id))
    const [row] = await tx.delete(retrievalIndex).where(own).returning()
    if (row === undefined) throw new AppError('not_found', `there is no index '${indexId}' in this collection`)
    await appendAuditEvent(tx, {
      atMs: clock(),
      actor: by.actor,
      action: 'collection.drop_index',
      target: `collection/${collection.id}`,
      beforeHash: indexId,
      reason: by.reason,
    })
    return row
  })
  await retrieval.indexes.forget(dropped)
}

/** Drops indexes that have stood by for longer than the grace period. */
export const reclaimStandby = async (retrieval: Retrieval, graceMs: number): Promise<string[]> => {
  const { database, clock } = retrieval.deps
  const rows = await database.db
    .select({ index: retrievalIndex, collection: retrievalCollection })
    .from(retrievalIndex)
    .innerJoin(retrievalCollection, eq(retrievalCollection.id, retrievalIndex.collectionId))
    .where(eq(retrievalIndex.state, 'standby'))
  const over = rows.filter(({ index }) => index.switchedAtMs !== null && index.switchedAtMs < clock() - graceMs)
  for (const { index, collection } of over)
    await dropIndex(retrieval, collection, index.id, { actor: 'housekeeping', reason: 'grace period over' })
  return over.map(({ index }) => index.id)
}

const withoutEntry = (row: IndexRow) => sql`not exists (
  select 1 from ${retrievalEntry} where ${retrievalEntry.indexId} = ${row.id} and ${retrievalEntry.chunkId} = ${retrievalChunk.id})`

const missingChunks = (db: Database, row: IndexRow, after: string) =>
  db
    .select({ id: retrievalChunk.id, headingPath: retrievalChunk.headingPath, text: retrievalChunk.text })
    .from(retrievalChunk)
    .where(and(eq(retrievalChunk.collectionId, row.collectionId), gt(retrievalChunk.id, after), withoutEntry(row)))
    .orderBy(asc(retrievalChunk.id))
    .limit(256)

const missingCount = (db: Database, row: IndexRow): Promise<number> =>
  db.$count(retrievalChunk, and(eq(retrievalChunk.collectionId, row.collectionId), withoutEntry(row)))

const chunkCount = (db: Database, collectionId: string): Promise<number> =>
  db.$count(retrievalChunk, eq(retrievalChunk.collectionId, collectionId))
