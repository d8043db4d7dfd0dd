import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'

/** One file of a model: its path inside the model's folder, bytes, lower-case hex. */
export type ArtifactFile = { path: string; size: number; sha256: string }

/** Sorted by path, so that one set of files has one hash. Throws `invalid_request` for paths that leave the folder and for repeats. */
export const makeManifest = (files: readonly ArtifactFile[]): ArtifactFile[] => {
  const paths = new Set<string>()
  for (const { path } of files) {
    checkArtifactPath(path)
    if (paths.has(path)) throw new AppError('invalid_request', `two files of one path: ${path}`)
    paths.add(path)
  }
  return files.map(({ path, size, sha256 }) => ({ path, size, sha256 })).sort((left, right) => (left.path < right.path ? -1 : 1))
}

/** Identity of a model's bytes, whatever it is called. */
export const manifestHash = (manifest: readonly ArtifactFile[]): string => hashOf({ format: 1, files: manifest })

/** Paths come from hubs and people; they are joined to folders of ours. */
export const checkArtifactPath = (path: string): void => {
  const parts = path.split('/')
  const fine = path.length <= 512 && !/[\\\0:]/.test(path) && parts.every((part) => part !== '' && part !== '.' && part !== '..')
  if (!fine) throw new AppError('invalid_request', `"${path}" is not a path inside a model's folder`)
}
