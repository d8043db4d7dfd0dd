import type { Change } from './partition.ts'

/** Vectors travel as base64 of their little-endian floats: half the size of decimal text and much faster to read. */
export type WireChange =
  | { seq: number; op: 'add'; label: number; vector: string | null; terms: string | null }
  | { seq: number; op: 'remove'; label: number }

export type WireEntry = { label: number; vector: string | null; terms: string | null }

export const vectorToWire = (vector: Float32Array): string =>
  Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')

export const vectorFromWire = (text: string): Float32Array => bytesToVector(Buffer.from(text, 'base64'))

export const fromWire = (change: WireChange): Change =>
  change.op === 'remove' ? change : { ...change, vector: change.vector === null ? null : vectorFromWire(change.vector) }

/** The floats of a `bytea` column, copied because a buffer need not begin at a multiple of four, nor be its own. */
export const bytesToVector = (bytes: Uint8Array): Float32Array => new Float32Array(new Uint8Array(bytes).buffer)

export const vectorToBytes = (vector: Float32Array): Uint8Array => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
