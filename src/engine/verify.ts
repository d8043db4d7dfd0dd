import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../lib/errors.ts'
import { sha256File } from '../lib/hash.ts'
import type { FileSpec } from './model-spec.ts'

export type VerifyFile = (file: FileSpec, signal?: AbortSignal) => Promise<void>

/**
 * Checks size and sha256 of model files before they are parsed; throws `model_unverified` naming file and both hashes.
 * Hashes are remembered in `cacheFile` under path, size, inode and change times: an unchanged file costs one `stat`, a touched one is read again.
 */
export const createVerifier = (cacheFile: string): VerifyFile => {
  let known: Promise<Record<string, string>> | undefined
  const load = async (): Promise<Record<string, string>> => {
    try {
      return JSON.parse(await readFile(cacheFile, 'utf8'))
    } catch {
      return {}
    }
  }
  const save = async (hashes: Record<string, string>) => {
    await mkdir(dirname(cacheFile), { recursive: true })
    await writeFile(`${cacheFile}.${process.pid}`, JSON.stringify(hashes, null, 1))
    await rename(`${cacheFile}.${process.pid}`, cacheFile)
  }

  return async ({ path, sha256, bytes }, signal) => {
    const found = await stat(path, { bigint: true }).catch((cause: unknown) => {
      throw new AppError('model_unverified', `model file ${path} cannot be read`, { cause })
    })
    if (bytes !== undefined && found.size !== BigInt(bytes)) {
      throw new AppError('model_unverified', `model file ${path} has ${found.size} bytes, expected ${bytes}`)
    }
    const key = [path, found.size, found.ino, found.mtimeNs, found.ctimeNs].join('|')
    known ??= load()
    const hashes = await known
    const cached = hashes[key]
    const actual = cached ?? (await sha256File(path, signal))
    if (cached === undefined) {
      for (const stale of Object.keys(hashes)) if (stale.startsWith(`${path}|`)) delete hashes[stale]
      hashes[key] = actual
      // The cache only saves time: a directory that cannot be written costs a hash per start.
      await save(hashes).catch(() => undefined)
    }
    if (sha256 === undefined)
      throw new AppError('model_unverified', `model file ${path} has no sha256 in its configuration; its content has ${actual}`)
    if (actual !== sha256) throw new AppError('model_unverified', `model file ${path} has sha256 ${actual}, expected ${sha256}`)
  }
}
