import { LRUCache } from 'lru-cache'

/** A question that was answered, and where its answer lies. */
export type Neighbour = {
  /** Digest of the answer's cache key. */
  digest: string
  text: string
  /** Of length 1. */
  vector: Float32Array
}

export type Neighbours = {
  add(place: string, neighbour: Neighbour): void
  has(place: string): boolean
  remove(place: string, digest: string): void
  /** Those at least so close, closest first. */
  near(place: string, vector: Float32Array, minSimilarity: number): { neighbour: Neighbour; similarity: number }[]
  readonly bytes: number
}

/**
 * Questions by place, in the memory of this process. A place holds only questions whose answers may be shared at all, so nothing is ever
 * compared across tenants, variants, parameters or conversations. Bounded by bytes, the place used longest ago going first, and by place, the
 * oldest question going first.
 */
export const createNeighbours = ({ maxBytes, maxPerPlace = 500 }: { maxBytes: number; maxPerPlace?: number }): Neighbours => {
  const places = new LRUCache<string, Neighbour[]>({
    maxSize: maxBytes,
    sizeCalculation: (all) => all.reduce((sum, one) => sum + bytesOf(one), 1),
  })
  return {
    add: (place, neighbour) => {
      const others = places.get(place)?.filter(({ digest }) => digest !== neighbour.digest) ?? []
      places.set(place, [...others.slice(1 - maxPerPlace), neighbour])
    },
    has: (place) => places.has(place),
    remove: (place, gone) => {
      const left = places.get(place)?.filter(({ digest }) => digest !== gone) ?? []
      if (left.length > 0) places.set(place, left)
      else places.delete(place)
    },
    near: (place, vector, minSimilarity) =>
      (places.get(place) ?? [])
        .map((neighbour) => ({ neighbour, similarity: dot(neighbour.vector, vector) }))
        .filter(({ similarity }) => similarity >= minSimilarity)
        .toSorted((left, right) => right.similarity - left.similarity),
    get bytes() {
      return places.calculatedSize
    },
  }
}

export const dot = (left: Float32Array, right: Float32Array): number => {
  let sum = 0
  for (let at = 0; at < left.length; at += 1) sum += (left[at] ?? 0) * (right[at] ?? 0)
  return sum
}

const bytesOf = ({ text, vector }: Neighbour): number => 300 + 2 * text.length + vector.byteLength
