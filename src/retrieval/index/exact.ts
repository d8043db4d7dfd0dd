import { unitVector } from './unit-vector.ts'
import type { Neighbour, VectorEntry, VectorStore } from './vector-index.ts'

/** Compares the query with every vector. The oracle the others are measured against, and the right choice below a few thousand vectors. */
export class ExactVectors implements VectorStore {
  readonly dimensions: number
  #matrix: Float32Array
  #labels: number[] = []
  #rows = new Map<number, number>()

  constructor(dimensions: number, capacity = 1024) {
    this.dimensions = dimensions
    this.#matrix = new Float32Array(capacity * dimensions)
  }

  get count(): number {
    return this.#labels.length
  }

  add({ label, vector }: VectorEntry): void {
    const unit = unitVector(vector, this.dimensions)
    if (this.#rows.has(label)) return
    const row = this.#labels.length
    if ((row + 1) * this.dimensions > this.#matrix.length) {
      const grown = new Float32Array(this.#matrix.length * 2)
      grown.set(this.#matrix)
      this.#matrix = grown
    }
    this.#matrix.set(unit, row * this.dimensions)
    this.#labels.push(label)
    this.#rows.set(label, row)
  }

  /** The last row moves into the gap. */
  remove(label: number): void {
    const row = this.#rows.get(label)
    if (row === undefined) return
    const last = this.#labels.length - 1
    const moved = this.#labels[last] as number
    this.#matrix.copyWithin(row * this.dimensions, last * this.dimensions, (last + 1) * this.dimensions)
    this.#labels[row] = moved
    this.#rows.set(moved, row)
    this.#labels.pop()
    this.#rows.delete(label)
  }

  search(vector: Float32Array, k: number): Neighbour[] {
    return this.#best(vector, k, this.#labels.keys())
  }

  searchAmong(vector: Float32Array, k: number, labels: Iterable<number>): Neighbour[] {
    const rows = [...new Set(labels)].map((label) => this.#rows.get(label)).filter((row) => row !== undefined)
    return this.#best(vector, k, rows)
  }

  labels(): number[] {
    return [...this.#labels]
  }

  vectorOf(label: number): Float32Array | undefined {
    const row = this.#rows.get(label)
    return row === undefined ? undefined : this.#matrix.slice(row * this.dimensions, (row + 1) * this.dimensions)
  }

  #best(vector: Float32Array, k: number, rows: Iterable<number>): Neighbour[] {
    const query = unitVector(vector, this.dimensions)
    const found: Neighbour[] = []
    for (const row of rows) found.push({ label: this.#labels[row] as number, score: dot(this.#matrix, row * this.dimensions, query) })
    return nearest(found, k)
  }
}

/** The best `k`, ties by label so that equal vectors keep one order. */
export const nearest = (neighbours: Neighbour[], k: number): Neighbour[] =>
  neighbours.sort((left, right) => right.score - left.score || left.label - right.label).slice(0, k)

const dot = (matrix: Float32Array, offset: number, query: Float32Array): number => {
  let sum = 0
  for (let at = 0; at < query.length; at += 1) sum += (matrix[offset + at] as number) * (query[at] as number)
  return sum
}
