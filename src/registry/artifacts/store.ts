/** Content as the registry names it. */
export type Blob = { sha256: string; size: number }

export type BlobState = 'ok' | 'missing' | 'mismatch'

/** Keeps model files by their content: one copy however many models use it, and never one that is not what its name says. */
export type ArtifactStore = {
  has(blob: Blob, signal?: AbortSignal): Promise<boolean>
  /** Takes in a local file. Throws `model_unverified` when its content is not the blob's; nothing is stored then. */
  put(path: string, blob: Blob, signal?: AbortSignal): Promise<void>
  /** The path of a local copy whose content was checked. Throws `not_found` or `model_unverified`; other blobs are not concerned. */
  open(blob: Blob, signal?: AbortSignal): Promise<string>
  /** Reads the stored content again and compares it. */
  verify(blob: Blob, signal?: AbortSignal): Promise<BlobState>
}

/** `sha256/ab/abcdef…`: two hundred and fifty-six folders, or key prefixes. */
export const blobKey = ({ sha256 }: Pick<Blob, 'sha256'>): string => `sha256/${sha256.slice(0, 2)}/${sha256}`
