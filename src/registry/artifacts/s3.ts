import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../../lib/errors.ts'
import { uuidv7 } from '../../lib/ids.ts'
import { createLocalArtifacts, verifyContent } from './local.ts'
import { type ArtifactStore, type Blob, blobKey } from './store.ts'

export type S3Options = {
  bucket: string
  /** Absent: AWS in `region`. */
  endpoint?: string | undefined
  region?: string | undefined
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
  /** Key prefix, for a bucket shared with others. */
  prefix?: string | undefined
  /** Local folder of downloaded copies. */
  cacheFolder: string
}

/** A bucket of any S3-compatible service. What is downloaded is hashed on its way into the cache and never used unchecked. */
export const createS3Artifacts = ({ cacheFolder, prefix = '', ...options }: S3Options): ArtifactStore => {
  const { endpoint, region, sessionToken, ...required } = options
  const client = new Bun.S3Client({ ...required, ...defined({ endpoint, region, sessionToken }) })
  const cache = createLocalArtifacts(cacheFolder)
  const fileOf = (blob: Blob) => client.file(`${prefix}${blobKey(blob)}`)
  const has = async (blob: Blob) => {
    const size = await translated(() => sizeOf(fileOf(blob)))
    return size === blob.size
  }

  return {
    has,
    async put(path, blob, signal) {
      await verifyContent(path, blob, signal)
      if (await has(blob)) return
      await translated(() => upload(path, fileOf(blob), signal))
    },
    async open(blob, signal) {
      if (await cache.has(blob)) return cache.open(blob, signal)
      if ((await translated(() => sizeOf(fileOf(blob)))) === undefined) {
        throw new AppError('not_found', `artifact ${blob.sha256} is not in bucket ${options.bucket}`)
      }
      const path = await cache.temporaryPath(uuidv7())
      try {
        await translated(() => download(fileOf(blob), path, signal))
        await cache.adopt(path, blob, signal)
      } finally {
        await rm(path, { force: true })
      }
      return cache.open(blob, signal)
    },
    async verify(blob, signal) {
      const size = await translated(() => sizeOf(fileOf(blob)))
      if (size === undefined) return 'missing'
      const hash = createHash('sha256')
      await translated(async () => {
        for await (const chunk of fileOf(blob).stream()) {
          signal?.throwIfAborted()
          hash.update(chunk)
        }
      })
      return size === blob.size && hash.digest('hex') === blob.sha256 ? 'ok' : 'mismatch'
    },
  }
}

const partBytes = 8 << 20

/** In parts, so that neither memory nor a broken connection bounds the size; the object appears when all parts are there. */
const upload = async (path: string, file: Bun.S3File, signal: AbortSignal | undefined): Promise<void> => {
  const writer = file.writer({ partSize: partBytes, queueSize: 4, retry: 3 })
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal: signal ?? undefined })) {
    writer.write(chunk as Buffer)
    await writer.flush()
  }
  await writer.end()
}

const download = async (file: Bun.S3File, path: string, signal: AbortSignal | undefined): Promise<void> => {
  const body = Readable.fromWeb(file.stream() as never)
  await pipeline(body, createWriteStream(path), signal ? { signal } : {})
}

const sizeOf = async (file: Bun.S3File): Promise<number | undefined> => {
  try {
    return (await file.stat()).size
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'NoSuchKey' || code === 'NotFound' || /not found|404/i.test(String((error as Error).message))) return undefined
    throw error
  }
}

/** The service's errors, in one place, as ours. */
const translated = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError || (cause instanceof DOMException && cause.name === 'AbortError')) throw cause
    throw new AppError('unavailable', `the artifact bucket failed: ${(cause as Error).message}`, { cause })
  }
}

const defined = <T extends object>(values: T): { [Key in keyof T]?: NonNullable<T[Key]> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [Key in keyof T]?: NonNullable<T[Key]> }
