import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { AppError, isRetryable } from '../lib/errors.ts'
import type { LocalArtifacts } from './artifacts/local.ts'
import type { Blob } from './artifacts/store.ts'
import { type HubFile, type HubOptions, hubFetch, hubUrl } from './hub.ts'
import { type ArtifactFile, checkArtifactPath } from './manifest.ts'

export type PullProgress = { path: string; doneBytes: number; totalBytes: number }

export type DownloadOptions = {
  hub: HubOptions
  repo: string
  commit: string
  /** Downloads land here; the store is the folder's owner, so a broken download is taken up again at the next pull. */
  store: LocalArtifacts
  progress: (progress: PullProgress) => void
  signal: AbortSignal
  /** Waits between attempts: doubled each time. */
  retryMs: number
}

/** Fetches a file, resuming what an earlier attempt left, and checks it against the hub's hash before it is taken in. Throws `model_unverified`. */
export const downloadFile = async (file: HubFile, options: DownloadOptions): Promise<ArtifactFile> => {
  checkArtifactPath(file.path)
  const partial = await options.store.temporaryPath(`${file.sha256 ?? file.gitSha1}.part`)
  // Two pulls of one file would write into each other's: the second waits, and finds the file there.
  while (underway.has(partial)) await underway.get(partial)
  const { promise, resolve } = Promise.withResolvers<void>()
  underway.set(partial, promise)
  try {
    return await fetchChecked(file, partial, options)
  } finally {
    underway.delete(partial)
    resolve()
  }
}

const underway = new Map<string, Promise<void>>()

const fetchChecked = async (file: HubFile, partial: string, options: DownloadOptions): Promise<ArtifactFile> => {
  const { store, signal, progress } = options
  if (file.sha256 !== undefined && (await store.has({ sha256: file.sha256, size: file.size }))) {
    progress({ path: file.path, doneBytes: file.size, totalBytes: file.size })
    return { path: file.path, size: file.size, sha256: file.sha256 }
  }
  await attempts(options, () => fetchRest(file, partial, options))
  const blob = await checkedContent(file, partial, signal)
  await store.adopt(partial, blob, signal)
  return { path: file.path, ...blob }
}

/** Appends what is missing to the partial file. A server that ignores `Range` starts it again. */
const fetchRest = async (file: HubFile, partial: string, { hub, repo, commit, signal, progress }: DownloadOptions): Promise<void> => {
  const have = await sizeOf(partial)
  if (have > file.size) await rm(partial)
  const from = have > file.size ? 0 : have
  progress({ path: file.path, doneBytes: from, totalBytes: file.size })
  if (from === file.size && from > 0) return
  const path = file.path.split('/').map(encodeURIComponent).join('/')
  const url = hubUrl(hub, `/${repo}/resolve/${commit}/${path}`)
  const response = await hubFetch(hub, url, { signal, headers: from > 0 ? { range: `bytes=${from}-` } : {} })
  const resumed = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`) === true
  const target = await open(partial, resumed ? 'a' : 'w')
  try {
    let done = resumed ? from : 0
    for await (const chunk of response.body ?? []) {
      done += chunk.byteLength
      if (done > file.size) throw new AppError('model_unverified', `${file.path} is longer than the hub says: ${file.size} bytes`)
      await target.write(chunk)
      progress({ path: file.path, doneBytes: done, totalBytes: file.size })
    }
    if (done < file.size) throw new AppError('upstream_failed', `the connection ended after ${done} of ${file.size} bytes of ${file.path}`)
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof AppError) throw cause
    throw new AppError('upstream_failed', `the download of ${file.path} broke off`, { cause })
  } finally {
    await target.close()
  }
}

/** Large files have a sha256 on the hub, small ones git's own hash. A file that has neither right is deleted, so that the next pull starts clean. */
const checkedContent = async (file: HubFile, path: string, signal: AbortSignal): Promise<Blob> => {
  const content = createHash('sha256')
  const git = createHash('sha1').update(`blob ${file.size}\0`)
  await hashFile(path, [content, git], signal)
  const sha256 = content.digest('hex')
  const fine = file.sha256 === undefined ? git.digest('hex') === file.gitSha1 : sha256 === file.sha256
  if (!fine) {
    await rm(path)
    const expected = file.sha256 === undefined ? `git hash ${file.gitSha1}` : `sha256 ${file.sha256}`
    throw new AppError('model_unverified', `${file.path} is not what the hub promised: expected ${expected}, got sha256 ${sha256}`)
  }
  return { sha256, size: file.size }
}

const hashFile = async (path: string, hashes: Hash[], signal: AbortSignal): Promise<void> => {
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 }))
    for (const hash of hashes) hash.update(chunk as Buffer)
}

const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch {
    return 0 // nothing there yet
  }
}

/** Tries again while each attempt may get further; what was fetched stays. */
const attempts = async ({ signal, retryMs }: DownloadOptions, work: () => Promise<void>, most = 5): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const mayHelp = isRetryable(error) && !(error instanceof AppError && error.code === 'model_unverified')
      if (!mayHelp || attempt === most) throw error
      await Bun.sleep(retryMs * 2 ** (attempt - 1))
    }
  }
}
