import { constants } from 'node:fs'
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createVerifier } from '../../engine/verify.ts'
import { AppError } from '../../lib/errors.ts'
import { sha256File } from '../../lib/hash.ts'
import { uuidv7 } from '../../lib/ids.ts'
import { type ArtifactStore, type Blob, blobKey } from './store.ts'

export type LocalArtifacts = ArtifactStore & {
  /** Takes in a file that the store may keep: moved rather than copied. It must lie on the same file system, as `temporaryPath` does. */
  adopt(path: string, blob: Blob, signal?: AbortSignal): Promise<void>
  /** A path inside the store for a file in the making. */
  temporaryPath(name: string): Promise<string>
}

/** A folder of files named by their content. Verified hashes are remembered by inode and times, so an unchanged file is read once. */
export const createLocalArtifacts = (folder: string): LocalArtifacts => {
  const verifyFile = createVerifier(join(folder, 'verified.json'))
  const pathOf = (blob: Blob) => join(folder, blobKey(blob))
  const temporaryPath = async (name: string) => {
    await mkdir(join(folder, 'partial'), { recursive: true })
    return join(folder, 'partial', name)
  }
  const has = async (blob: Blob) => (await sizeOf(pathOf(blob))) === blob.size

  const adopt = async (path: string, blob: Blob, signal?: AbortSignal) => {
    await verifyContent(path, blob, signal)
    await mkdir(dirname(pathOf(blob)), { recursive: true })
    await rename(path, pathOf(blob))
  }
  return {
    has,
    adopt,
    temporaryPath,
    async put(path, blob, signal) {
      if (await has(blob)) return
      const copy = await temporaryPath(uuidv7())
      try {
        await copyFile(path, copy, constants.COPYFILE_FICLONE)
        await adopt(copy, blob, signal)
      } finally {
        await rm(copy, { force: true })
      }
    },
    async open(blob, signal) {
      const path = pathOf(blob)
      if ((await sizeOf(path)) === undefined) throw new AppError('not_found', `artifact ${blob.sha256} is not in the store`)
      await verifyFile({ path, sha256: blob.sha256, bytes: blob.size }, signal)
      return path
    },
    async verify(blob, signal) {
      const path = pathOf(blob)
      const size = await sizeOf(path)
      if (size === undefined) return 'missing'
      return size === blob.size && (await sha256File(path, signal)) === blob.sha256 ? 'ok' : 'mismatch'
    },
  }
}

/** Throws `model_unverified` when a file is not the blob. */
export const verifyContent = async (path: string, blob: Blob, signal?: AbortSignal): Promise<void> => {
  const actual = await sha256File(path, signal)
  if (actual !== blob.sha256) throw new AppError('model_unverified', `${path} has sha256 ${actual}, expected ${blob.sha256}`)
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
