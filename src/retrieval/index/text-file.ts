import { TextIndex } from './text-index.ts'

/**
 * A text index as bytes: a little-endian u32 length, JSON of `{terms, sizes, empty}`, padding to four bytes, then for each term its labels and its
 * counts as u32. Verified by the snapshot's checksum before it is read.
 */
export const encodeText = (index: TextIndex): Uint8Array => {
  const terms: string[] = []
  const sizes: number[] = []
  const numbers: number[][] = []
  for (const { term, labels, counts } of index.entries()) {
    terms.push(term)
    sizes.push(labels.length)
    numbers.push(labels, counts)
  }
  const header = Buffer.from(JSON.stringify({ terms, sizes, empty: index.emptyLabels() }))
  const start = 4 + header.length + padding(header.length)
  const bytes = new Uint8Array(start + 8 * sizes.reduce((sum, size) => sum + size, 0))
  new DataView(bytes.buffer).setUint32(0, header.length, true)
  bytes.set(header, 4)
  const values = new Uint32Array(bytes.buffer, start)
  let at = 0
  for (const list of numbers) {
    values.set(list, at)
    at += list.length
  }
  return bytes
}

export const decodeText = (bytes: Uint8Array): TextIndex => {
  // A copy, because a view of 32-bit numbers must begin at a multiple of four.
  const { buffer } = new Uint8Array(bytes)
  const headerLength = new DataView(buffer).getUint32(0, true)
  const header: { terms: string[]; sizes: number[]; empty: number[] } = JSON.parse(Buffer.from(buffer, 4, headerLength).toString())
  const values = new Uint32Array(buffer, 4 + headerLength + padding(headerLength))
  const entries = function* () {
    let at = 0
    for (let term = 0; term < header.terms.length; term += 1) {
      const size = header.sizes[term] as number
      yield {
        term: header.terms[term] as string,
        labels: Array.from(values.subarray(at, at + size)),
        counts: Array.from(values.subarray(at + size, at + 2 * size)),
      }
      at += 2 * size
    }
  }
  return TextIndex.from(entries(), header.empty)
}

const padding = (headerLength: number): number => (4 - (headerLength % 4)) % 4
