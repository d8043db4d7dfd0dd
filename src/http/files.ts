import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { deleteFile, fileContent, fileOf, listFiles, type StoredFile, saveFile } from '../retrieval/store/files.ts'
import type { EdgeContext, Env } from './context.ts'
import { listJson, pageQuery } from './files-page.ts'
import { parse } from './schemas/parse.ts'

export type FileDeps = {
  db: Database
  clock: Clock
  /** Takes a deleted file out of every vector store of its tenant. */
  detach: (tenant: string, fileId: string) => Promise<void>
  maxFileBytes?: number | undefined
}

const purposes = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const
const defaultMaxBytes = 32 << 20

/** `/v1/files` in OpenAI's shape. */
export const fileRoutes = ({ db, clock, detach, maxFileBytes = defaultMaxBytes }: FileDeps): Hono<Env> =>
  new Hono<Env>()
    .post('/', async (c) => {
      const { file, purpose } = await readUpload(c, maxFileBytes)
      const bytes = new Uint8Array(await file.arrayBuffer())
      if (bytes.length === 0) throw new AppError('invalid_request', 'the file is empty', { param: 'file' })
      if (bytes.length > maxFileBytes) throw tooLarge(maxFileBytes)
      return c.json(fileJson(await saveFile(db, { tenant: tenantOf(c), filename: file.name, purpose, bytes, nowMs: clock() })))
    })
    .get('/', async (c) => {
      const { purpose, ...page } = parse(listQuery, c.req.query())
      return c.json(listJson(await listFiles(db, tenantOf(c), page, purpose), page, fileJson))
    })
    .get('/:id', async (c) => c.json(fileJson(await fileOf(db, tenantOf(c), c.req.param('id')))))
    .delete('/:id', async (c) => {
      const id = c.req.param('id')
      await fileOf(db, tenantOf(c), id)
      await detach(tenantOf(c), id)
      await deleteFile(db, tenantOf(c), id)
      return c.json({ id, object: 'file', deleted: true })
    })
    .get('/:id/content', async (c) => {
      const content = await fileContent(db, tenantOf(c), c.req.param('id'))
      // Never rendered by a browser: it is whatever somebody uploaded.
      const headers = {
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment',
        'x-content-type-options': 'nosniff',
      }
      return new Response(new Uint8Array(content), { headers })
    })

const listQuery = z.strictObject({ ...pageQuery(10_000, 10_000), purpose: z.string().optional() })

const tenantOf = (c: EdgeContext): string => c.get('principal').tenant

const tooLarge = (maxBytes: number) => new AppError('payload_too_large', `the file is larger than ${maxBytes} bytes`, { param: 'file' })

const readUpload = async (c: EdgeContext, maxBytes: number): Promise<{ file: File; purpose: (typeof purposes)[number] }> => {
  // Without a length the body could grow while it is read.
  const length = c.req.header('content-length')
  if (length === undefined) throw new AppError('invalid_request', 'the upload must say its content-length')
  if (Number(length) > maxBytes + 64 * 1024) throw tooLarge(maxBytes)
  const form = await c.req.raw.formData().catch((cause: unknown) => {
    throw new AppError('invalid_request', 'the body must be multipart/form-data', { cause })
  })
  const file = form.get('file')
  if (!(file instanceof File)) throw new AppError('invalid_request', "'file' must be a file", { param: 'file' })
  return { file, purpose: parse(uploadFields, { purpose: form.get('purpose') ?? undefined }).purpose }
}

const uploadFields = z.object({ purpose: z.enum(purposes) })

const fileJson = ({ id, bytes, createdAtMs, filename, purpose }: StoredFile) => ({
  id,
  object: 'file',
  bytes,
  created_at: Math.floor(createdAtMs / 1000),
  expires_at: null,
  filename,
  purpose,
  status: 'processed',
  status_details: null,
})
