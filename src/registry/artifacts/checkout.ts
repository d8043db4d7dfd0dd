import { link, mkdir, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ArtifactFile, checkArtifactPath, manifestHash } from '../manifest.ts'
import type { ArtifactStore } from './store.ts'

/**
 * Lays a model's files out as a folder, as engines read them, and returns it. Every file is verified first: a mismatch throws
 * `model_unverified` and concerns this model alone.
 */
export const checkOut = async (
  store: ArtifactStore,
  manifest: readonly ArtifactFile[],
  folder: string,
  signal?: AbortSignal,
): Promise<string> => {
  const root = join(folder, manifestHash(manifest))
  for (const file of manifest) {
    checkArtifactPath(file.path)
    const source = await store.open(file, signal)
    const target = join(root, file.path)
    if (await isSameFile(source, target)) continue
    await mkdir(dirname(target), { recursive: true })
    await rm(target, { force: true })
    // A hard link costs nothing and survives the store's own tidying; other file systems get a symbolic one.
    await link(source, target).catch(() => symlink(source, target))
  }
  return root
}

const isSameFile = async (left: string, right: string): Promise<boolean> => {
  try {
    const [one, other] = [await stat(left), await stat(right)]
    return one.ino === other.ino && one.dev === other.dev
  } catch {
    return false // one of them is not there yet
  }
}
