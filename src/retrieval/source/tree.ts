import { lstat, readdir, readFile } from 'node:fs/promises'
import { basename, extname, join, relative, resolve, sep } from 'node:path'
import { and, eq } from 'drizzle-orm'
import { type Collection, retrievalDocument, retrievalDocumentVersion } from '../../db/schema/retrieval.ts'
import { AppError, toAppError } from '../../lib/errors.ts'
import { sha256 } from '../../lib/hash.ts'
import type { IngestResult } from '../ingest.ts'
import { knownExtensions } from '../parse/format.ts'
import { defaultParserOptions } from '../parse/parser.ts'
import type { Retrieval } from '../retrieval.ts'

export type TreeOptions = {
  /** A folder, or a single file. */
  path: string
  /** Deletes documents that came from this folder and are not in it any more. */
  prune: boolean
  concurrency?: number | undefined
  onProgress?: ((progress: TreeProgress) => void) | undefined
}

export type TreeProgress = { done: number; total: number; result: IngestResult }

export type TreeSummary = {
  total: number
  added: number
  updated: number
  unchanged: number
  failed: number
  deleted: number
  failures: { externalId: string; message: string }[]
}

/**
 * Brings a folder into a collection. What is unchanged costs reading and hashing the file: the whole collection's hashes are read at once. A document that
 * fails is in the summary with its reason and does not stop the rest.
 */
export const ingestTree = async (
  retrieval: Retrieval,
  collection: Collection,
  { path, prune, concurrency = 4, onProgress }: TreeOptions,
  signal: AbortSignal,
): Promise<TreeSummary> => {
  const root = resolve(path)
  const files = await filesUnder(root)
  const known = await currentHashes(retrieval, collection)
  const summary: TreeSummary = { total: files.length, added: 0, updated: 0, unchanged: 0, failed: 0, deleted: 0, failures: [] }
  let done = 0
  const ingestOne = async (file: string) => {
    const externalId = externalIdOf(root, file)
    const result = await ingestFile(retrieval, collection, known.get(externalId), { file, externalId, root }, signal)
    summary[result.outcome] += 1
    if (result.error !== null) summary.failures.push({ externalId, message: result.error.message })
    done += 1
    onProgress?.({ done, total: files.length, result })
  }
  const queue = files.values()
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const file of queue) {
        signal.throwIfAborted()
        await ingestOne(file)
      }
    }),
  )
  if (prune) {
    const present = new Set(files.map((file) => externalIdOf(root, file)))
    for (const [externalId, { documentId, source }] of known) {
      if (source !== root || present.has(externalId)) continue
      if (await retrieval.deleteDocument(collection, documentId)) summary.deleted += 1
    }
  }
  return summary
}

/** Path within the folder, the folder's own name first: the same wherever the folder lies. */
const externalIdOf = (root: string, file: string): string =>
  file === root ? basename(root) : join(basename(root), relative(root, file)).split(sep).join('/')

type Known = { documentId: string; contentSha256: string; pipelineSha256: string; source: string; completed: boolean }

const currentHashes = async ({ deps }: Retrieval, { id }: Collection): Promise<Map<string, Known>> => {
  const rows = await deps.database.db
    .select({
      externalId: retrievalDocument.externalId,
      documentId: retrievalDocument.id,
      contentSha256: retrievalDocumentVersion.contentSha256,
      pipelineSha256: retrievalDocumentVersion.pipelineSha256,
      source: retrievalDocument.source,
      status: retrievalDocument.status,
    })
    .from(retrievalDocument)
    .innerJoin(retrievalDocumentVersion, and(eq(retrievalDocumentVersion.id, retrievalDocument.versionId)))
    .where(eq(retrievalDocument.collectionId, id))
  return new Map(rows.map(({ externalId, status, ...rest }) => [externalId, { ...rest, completed: status === 'completed' }]))
}

const ingestFile = async (
  retrieval: Retrieval,
  collection: Collection,
  known: Known | undefined,
  { file, externalId, root }: { file: string; externalId: string; root: string },
  signal: AbortSignal,
): Promise<IngestResult> => {
  const nothing = { documentId: known?.documentId ?? '', externalId, embedded: 0, reused: 0 }
  try {
    const { size } = await lstat(file)
    if (size > defaultParserOptions.maxBytes)
      throw new AppError('payload_too_large', `the document has ${size} bytes; the limit is ${defaultParserOptions.maxBytes}`)
    const bytes = await readFile(file)
    const isCurrent =
      known?.completed &&
      known.contentSha256 === sha256(bytes) &&
      known.pipelineSha256 === retrieval.pipelineOf(collection) &&
      known.source === root
    if (isCurrent) return { ...nothing, outcome: 'unchanged', error: null }
    return await retrieval.ingest(collection, { externalId, filename: basename(file), bytes, source: root }, signal)
  } catch (thrown) {
    if (signal.aborted || (thrown instanceof AppError && thrown.code !== 'payload_too_large')) throw thrown
    const unreadable =
      thrown instanceof AppError ? thrown : new AppError('invalid_request', 'the file cannot be read', { cause: toAppError(thrown) })
    return { ...nothing, outcome: 'failed', error: { code: unreadable.code, message: unreadable.message } }
  }
}

/** Documents under a folder, sorted; nothing hidden, no links, no dependencies. */
const filesUnder = async (root: string): Promise<string[]> => {
  const stat = await lstat(root).catch(() => undefined)
  if (stat === undefined) throw new AppError('not_found', `there is no file or folder '${root}'`)
  if (!stat.isDirectory()) return [root]
  const found: string[] = []
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) await visit(path)
      else if (entry.isFile() && knownExtensions.has(extname(entry.name).slice(1).toLowerCase())) found.push(path)
    }
  }
  await visit(root)
  return found.sort()
}
