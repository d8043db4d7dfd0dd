import { and, eq, inArray } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import {
  type Attributes,
  type Collection,
  type Document,
  type IndexRow,
  retrievalChunk,
  retrievalDocument,
  retrievalDocumentVersion,
  retrievalEntry,
} from '../db/schema/retrieval.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError, toAppError } from '../lib/errors.ts'
import { hashOf, sha256 } from '../lib/hash.ts'
import { chunkerVersion, chunkText, embeddedText, type ParsedText } from './chunk/chunk.ts'
import { type EmbeddingModels, embedPassages, modelOfVersion } from './embedding.ts'
import { newId } from './ids.ts'
import { bytesToVector } from './index/wire.ts'
import type { Parse } from './parse/parser.ts'
import { indexesOf } from './store/collections.ts'
import { chunkHash, commitVersion, type ReadyVersion } from './store/commit.ts'

/** A document as somebody hands it in. `externalId` is its name within the collection: the same name again is a new version. */
export type IncomingDocument = {
  externalId: string
  /** Decides the parser together with the bytes. */
  filename: string
  bytes: Uint8Array
  source: string
  title?: string | undefined
  fileId?: string | undefined
  batchId?: string | undefined
  /** Absent: keeps those it has. */
  attributes?: Attributes | undefined
}

export type IngestResult = {
  documentId: string
  externalId: string
  outcome: 'added' | 'updated' | 'unchanged' | 'failed'
  /** Chunks embedded now, against chunks that were known. */
  embedded: number
  reused: number
  error: { code: string; message: string } | null
}

export type IngestDeps = {
  db: Database
  models: EmbeddingModels
  parse: Parse
  parserVersion: number
  /** Brings the indexes up to what was committed. */
  changed: (rows: readonly IndexRow[]) => Promise<void>
  clock: Clock
}

/** Hash of everything but the content that decides what a document's chunks are. Another embedding model is not in it: its index is built beside. */
export const pipelineOf = (collection: Collection, parserVersion: number): string =>
  hashOf({ parserVersion, chunkerVersion, max: collection.maxChunkTokens, min: collection.minChunkTokens, words: collection.textConfig })

/**
 * Brings one document into a collection. Never throws for a bad document: the reason is in the result and on its row, and the version before it stays.
 * Throws when the caller's signal aborts, and when the database or a model is not there, which is nobody's document's fault.
 */
export const ingestDocument = async (
  deps: IngestDeps,
  collection: Collection,
  incoming: IncomingDocument,
  signal: AbortSignal,
): Promise<IngestResult> => {
  const document = await claimDocument(deps, collection, incoming)
  const contentSha256 = sha256(incoming.bytes)
  const pipelineSha256 = pipelineOf(collection, deps.parserVersion)
  const result = { documentId: document.id, externalId: incoming.externalId }
  if (await isCurrent(deps.db, document, contentSha256, pipelineSha256)) {
    await markUnchanged(deps, document, incoming)
    return { ...result, outcome: 'unchanged', embedded: 0, reused: 0, error: null }
  }
  try {
    const parsed = await deps.parse(incoming.bytes, incoming.filename, signal)
    const { embedded, reused } = await prepareAndCommit(
      deps,
      collection,
      document,
      incoming,
      parsed,
      { contentSha256, pipelineSha256 },
      signal,
    )
    return { ...result, outcome: document.version === 0 ? 'added' : 'updated', embedded, reused, error: null }
  } catch (thrown) {
    const error = toAppError(thrown)
    if (signal.aborted || !isTheDocumentsFault(error)) {
      // An upload stays in progress: whoever starts next takes it up.
      if (incoming.fileId === undefined)
        await markFailed(deps, document, 'unavailable', signal.aborted ? 'the ingest was cancelled' : error.message)
      throw thrown
    }
    await markFailed(deps, document, error.code, error.message)
    return { ...result, outcome: 'failed', embedded: 0, reused: 0, error: { code: error.code, message: error.message } }
  }
}

const faults = new Set(['invalid_request', 'payload_too_large', 'unsupported_parameter', 'timeout', 'context_length_exceeded', 'conflict'])
const isTheDocumentsFault = (error: AppError): boolean => faults.has(error.code)

/** The document's row, made when it is new. Two callers with one name get one row. */
const claimDocument = async ({ db, clock }: IngestDeps, collection: Collection, incoming: IncomingDocument): Promise<Document> => {
  const nowMs = clock()
  const [made] = await db
    .insert(retrievalDocument)
    .values({
      id: newId('document'),
      tenant: collection.tenant,
      collectionId: collection.id,
      externalId: incoming.externalId,
      source: incoming.source,
      fileId: incoming.fileId ?? null,
      batchId: incoming.batchId ?? null,
      title: incoming.title ?? null,
      attributes: incoming.attributes ?? {},
      status: 'in_progress',
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    })
    .onConflictDoNothing()
    .returning()
  if (made !== undefined) return made
  const same = and(eq(retrievalDocument.collectionId, collection.id), eq(retrievalDocument.externalId, incoming.externalId))
  const [existing] = await db.select().from(retrievalDocument).where(same)
  if (existing === undefined) throw new AppError('conflict', `the document '${incoming.externalId}' was deleted at this moment: try again`)
  return existing
}

const isCurrent = async (db: Database, document: Document, contentSha256: string, pipelineSha256: string): Promise<boolean> => {
  if (document.versionId === null) return false
  const [current] = await db.select().from(retrievalDocumentVersion).where(eq(retrievalDocumentVersion.id, document.versionId))
  return current?.contentSha256 === contentSha256 && current.pipelineSha256 === pipelineSha256
}

/** Cuts, embeds what is new, commits; once more from the start when somebody else committed in between. */
const prepareAndCommit = async (
  deps: IngestDeps,
  collection: Collection,
  claimed: Document,
  incoming: IncomingDocument,
  parsed: ParsedText,
  hashes: Pick<ReadyVersion, 'contentSha256' | 'pipelineSha256'>,
  signal: AbortSignal,
): Promise<{ embedded: number; reused: number }> => {
  for (let attempt = 1; ; attempt += 1) {
    const [document] = await deps.db.select().from(retrievalDocument).where(eq(retrievalDocument.id, claimed.id))
    if (document === undefined) throw new AppError('conflict', 'the document was deleted while it was being read')
    // The one who was faster brought the same content.
    if (attempt > 1 && (await isCurrent(deps.db, document, hashes.contentSha256, hashes.pipelineSha256))) return { embedded: 0, reused: 0 }
    const indexes = await indexesOf(deps.db, collection.id)
    const ruler = modelOfVersion(deps.models, activeOf(collection, indexes).embeddingVersion, activeOf(collection, indexes).embeddingModel)
    const options = {
      maxTokens: collection.maxChunkTokens,
      minTokens: collection.minChunkTokens,
      countTokens: (texts: string[], signal: AbortSignal) => ruler.embedder.countTokens(texts, signal),
    }
    const title = incoming.title ?? parsed.title
    const chunks = await chunkText({ ...parsed, title }, options, signal)
    if (chunks.length === 0) throw new AppError('invalid_request', 'the document holds no text')
    const vectors = new Map<string, ReadonlyMap<string, Float32Array>>()
    let embedded = 0
    for (const index of indexes) {
      const wanted = new Map(chunks.map((chunk) => [chunkHash(chunk), embeddedText(chunk)]))
      const known = await knownVectors(deps.db, index, [...wanted.keys()])
      const missing = [...wanted].filter(([hash]) => !known.has(hash))
      const model = modelOfVersion(deps.models, index.embeddingVersion, index.embeddingModel)
      const made = await embedPassages(
        model,
        missing.map(([, text]) => text),
        collection.tenant,
        document.id,
        signal,
      )
      missing.forEach(([hash], at) => {
        known.set(hash, made[at] as Float32Array)
      })
      vectors.set(index.id, known)
      embedded = Math.max(embedded, missing.length)
    }
    const ready = { ...hashes, title, bytes: incoming.bytes.length, characters: parsed.text.length, chunks, vectors }
    try {
      await commitVersion(deps.db, collection, document, ready, deps.clock())
      await describe(deps, document, incoming)
      await deps.changed(indexes)
      return { embedded, reused: chunks.length - embedded }
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'conflict') || attempt === 5) throw error
    }
  }
}

const activeOf = (collection: Collection, indexes: IndexRow[]): IndexRow => {
  const active = indexes.find((index) => index.id === collection.activeIndexId) ?? indexes.find((index) => index.state === 'active')
  if (active === undefined) throw new AppError('not_found', 'the collection is gone')
  return active
}

/** Vectors an index has for these contents, in any document of the collection: nothing is embedded twice. */
const knownVectors = async (db: Database, index: IndexRow, hashes: string[]): Promise<Map<string, Float32Array>> => {
  const known = new Map<string, Float32Array>()
  for (let at = 0; at < hashes.length; at += 1000) {
    const rows = await db
      .select({ hash: retrievalChunk.contentSha256, vector: retrievalEntry.vector })
      .from(retrievalChunk)
      .innerJoin(retrievalEntry, and(eq(retrievalEntry.chunkId, retrievalChunk.id), eq(retrievalEntry.indexId, index.id)))
      .where(and(eq(retrievalChunk.collectionId, index.collectionId), inArray(retrievalChunk.contentSha256, hashes.slice(at, at + 1000))))
    for (const { hash, vector } of rows) known.set(hash, bytesToVector(vector))
  }
  return known
}

const markUnchanged = async (deps: IngestDeps, document: Document, incoming: IncomingDocument): Promise<void> => {
  if (document.status !== 'completed')
    await deps.db
      .update(retrievalDocument)
      .set({ status: 'completed', errorCode: null, errorMessage: null, updatedAtMs: deps.clock() })
      .where(eq(retrievalDocument.id, document.id))
  await describe(deps, document, incoming)
}

/** What is said about a document without being in it. */
const describe = async (
  { db }: IngestDeps,
  document: Document,
  { attributes, source, fileId, batchId }: IncomingDocument,
): Promise<void> => {
  const changed = {
    ...(attributes === undefined || hashOf(attributes) === hashOf(document.attributes) ? {} : { attributes }),
    ...(source === document.source ? {} : { source }),
    ...(fileId === undefined || fileId === document.fileId ? {} : { fileId }),
    ...(batchId === undefined || batchId === document.batchId ? {} : { batchId }),
  }
  if (Object.keys(changed).length > 0) await db.update(retrievalDocument).set(changed).where(eq(retrievalDocument.id, document.id))
}

/** A document that has a version stays searchable; the row says that its update failed. */
const markFailed = async ({ db, clock }: IngestDeps, document: Document, code: string, message: string): Promise<void> => {
  await db
    .update(retrievalDocument)
    .set({ status: 'failed', errorCode: code, errorMessage: message, updatedAtMs: clock() })
    .where(eq(retrievalDocument.id, document.id))
}
