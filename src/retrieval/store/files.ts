import { and, asc, desc, eq, gt, lt } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { retrievalFile } from '../../db/schema/retrieval.ts'
import { AppError } from '../../lib/errors.ts'
import { sha256 } from '../../lib/hash.ts'
import { newId } from '../ids.ts'
import type { PageRequest } from './collections.ts'

const metadataColumns = {
  id: retrievalFile.id,
  tenant: retrievalFile.tenant,
  filename: retrievalFile.filename,
  purpose: retrievalFile.purpose,
  bytes: retrievalFile.bytes,
  sha256: retrievalFile.sha256,
  createdAtMs: retrievalFile.createdAtMs,
}

/** An uploaded file without its content. */
export type StoredFile = Omit<typeof retrievalFile.$inferSelect, 'content'>

export const saveFile = async (
  db: Database,
  { tenant, filename, purpose, bytes, nowMs }: { tenant: string; filename: string; purpose: string; bytes: Uint8Array; nowMs: number },
): Promise<StoredFile> => {
  const file = { id: newId('file'), tenant, filename, purpose, bytes: bytes.length, sha256: sha256(bytes), createdAtMs: nowMs }
  await db.insert(retrievalFile).values({ ...file, content: bytes })
  return file
}

const own = (tenant: string, id: string) => and(eq(retrievalFile.tenant, tenant), eq(retrievalFile.id, id))

export const fileOf = async (db: Database, tenant: string, id: string): Promise<StoredFile> => {
  const [file] = await db.select(metadataColumns).from(retrievalFile).where(own(tenant, id))
  if (file === undefined) throw unknownFile(id)
  return file
}

export const fileContent = async (db: Database, tenant: string, id: string): Promise<Uint8Array> => {
  const [file] = await db.select({ content: retrievalFile.content }).from(retrievalFile).where(own(tenant, id))
  if (file === undefined) throw unknownFile(id)
  return file.content
}

/** One more than `limit`, so that the caller sees whether there are more. */
export const listFiles = (db: Database, tenant: string, page: PageRequest, purpose?: string): Promise<StoredFile[]> => {
  const { order, after, limit } = page
  return db
    .select(metadataColumns)
    .from(retrievalFile)
    .where(
      and(
        eq(retrievalFile.tenant, tenant),
        purpose === undefined ? undefined : eq(retrievalFile.purpose, purpose),
        after === undefined ? undefined : order === 'asc' ? gt(retrievalFile.id, after) : lt(retrievalFile.id, after),
      ),
    )
    .orderBy(order === 'asc' ? asc(retrievalFile.id) : desc(retrievalFile.id))
    .limit(limit + 1)
}

export const deleteFile = async (db: Database, tenant: string, id: string): Promise<void> => {
  const deleted = await db.delete(retrievalFile).where(own(tenant, id)).returning({ id: retrievalFile.id })
  if (deleted.length === 0) throw unknownFile(id)
}

const unknownFile = (id: string) => new AppError('not_found', `there is no file '${id}'`)
