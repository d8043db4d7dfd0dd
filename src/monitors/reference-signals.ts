import type { Distribution } from './distribution.ts'

/** A distribution as a row keeps it, by hour of the day. */
export type StoredHours =
  | { hour: number; values: number[] }[]
  | { hour: number; counts: { [value: string]: number } }[]
  | { model: string | null; hours: { hour: number; vectors: string[] }[] }

export const toHours = (distribution: Distribution): StoredHours => {
  switch (distribution.kind) {
    case 'numeric':
      return byHour(distribution.values).map(({ hour, all }) => ({ hour, values: all.map(({ value }) => value) }))
    case 'vector':
      return {
        model: distribution.model,
        hours: byHour(distribution.vectors).map(({ hour, all }) => ({ hour, vectors: all.map(({ vector }) => base64(vector)) })),
      }
    default:
      return byHour(distribution.counts).map(({ hour, all }) => ({
        hour,
        counts: Object.fromEntries(all.map(({ value, n }) => [value, n])),
      }))
  }
}

export const fromHours = (kind: Distribution['kind'], n: number, stored: unknown): Distribution => {
  switch (kind) {
    case 'numeric':
      return {
        kind,
        n,
        values: (stored as { hour: number; values: number[] }[]).flatMap(({ hour, values }) => values.map((value) => ({ hour, value }))),
      }
    case 'vector': {
      const { model, hours } = stored as { model: string | null; hours: { hour: number; vectors: string[] }[] }
      const vectors = hours.flatMap(({ hour, vectors: all }) => all.map((text) => ({ hour, vector: floats(text) })))
      return { kind, n, model, vectors }
    }
    default:
      return {
        kind,
        n,
        counts: (stored as { hour: number; counts: { [value: string]: number } }[]).flatMap(({ hour, counts }) =>
          Object.entries(counts).map(([value, count]) => ({ hour, value, n: count })),
        ),
      }
  }
}

const byHour = <One extends { hour: number }>(all: readonly One[]): { hour: number; all: One[] }[] => {
  const hours = new Map<number, One[]>()
  for (const one of all) {
    const own = hours.get(one.hour)
    if (own) own.push(one)
    else hours.set(one.hour, [one])
  }
  return [...hours].sort(([left], [right]) => left - right).map(([hour, own]) => ({ hour, all: own }))
}

const base64 = (vector: Float32Array): string => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
/** Copied: what a buffer of the pool begins with need not be where floats may begin. */
const floats = (text: string): Float32Array => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer)
