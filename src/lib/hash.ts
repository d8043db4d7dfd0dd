import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** Lower-case hex sha256 of text (UTF-8) or bytes. */
export const sha256 = (data: string | Uint8Array): string => Bun.SHA256.hash(data, 'hex')

/** Lower-case hex sha256 of a file, read as a stream. */
export const sha256File = async (path: string, signal?: AbortSignal): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { signal: signal ?? undefined, highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** sha256 of a value's canonical JSON: two values that mean the same have one hash. */
export const hashOf = (value: unknown): string => sha256(canonicalJson(value))

/** JSON with object keys in code-unit order and no `undefined`. RFC 8785 without its number corner cases. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sorted(value)) ?? 'null'

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  entries.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}
