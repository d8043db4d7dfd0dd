/**
 * A spooled record is one line: eight hex digits of the CRC-32 of its JSON, a space, the JSON. A line that a crash tore, or a disk
 * damaged, is told by its checksum and skipped, and the next line is found again by its newline.
 */
export const encodeFrame = (json: string): string => `${checksum(json)} ${json}\n`

/** The whole records among `bytes`, at most `limit` from `offset` on, with where the next ones start and how many lines were damaged. */
export const decodeFrames = (bytes: Buffer, offset: number, limit: FrameLimit): DecodedFrames => {
  const records: string[] = []
  let damaged = 0
  let position = offset
  while (position < bytes.length && records.length < limit.records && position - offset < limit.bytes) {
    const newline = bytes.indexOf(10, position)
    const end = newline < 0 ? bytes.length : newline
    const json = bytes.subarray(position + prefixLength, end)
    const intact = newline >= 0 && bytes.toString('latin1', position, position + prefixLength) === `${checksum(json)} `
    if (intact) records.push(json.toString())
    else damaged += 1
    position = end + 1
  }
  return { records, damaged, next: Math.min(position, bytes.length) }
}

export type FrameLimit = { records: number; bytes: number }
export type DecodedFrames = { records: string[]; damaged: number; next: number }

const prefixLength = 9

const checksum = (data: string | Uint8Array): string => (Bun.hash.crc32(data) >>> 0).toString(16).padStart(8, '0')
