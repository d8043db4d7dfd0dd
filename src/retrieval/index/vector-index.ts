/** A stored vector's label and its cosine similarity to the query, best first. */
export type Neighbour = { label: number; score: number }

export type VectorEntry = { label: number; vector: Float32Array }

/**
 * Finds the stored vectors nearest to a query by cosine similarity. A rebuildable cache: the rows in the database are the truth.
 *
 * Labels are integers in [0, 2³¹) that are never reused. Every implementation refuses with `invalid_request` a vector of another dimension, one
 * that holds NaN or infinity, and the zero vector, which has no direction. Adding a label that is present, and removing one that is absent,
 * change nothing. `search` returns `k` neighbours whenever `k` exist.
 */
export type VectorIndex = {
  readonly dimensions: number
  add(entries: VectorEntry[], signal?: AbortSignal): Promise<void>
  remove(labels: number[], signal?: AbortSignal): Promise<void>
  search(vector: Float32Array, k: number, signal?: AbortSignal): Promise<Neighbour[]>
  /** Exact search among the named labels; unknown ones are passed over. */
  searchAmong(vector: Float32Array, k: number, labels: number[], signal?: AbortSignal): Promise<Neighbour[]>
  count(): Promise<number>
  close(): Promise<void>
}

/** What an index holds in memory, without processes or promises: exact vectors, or an HNSW graph. */
export type VectorStore = {
  readonly dimensions: number
  readonly count: number
  add(entry: VectorEntry): void
  remove(label: number): void
  search(vector: Float32Array, k: number): Neighbour[]
  searchAmong(vector: Float32Array, k: number, labels: Iterable<number>): Neighbour[]
  /** Live labels, in no order. */
  labels(): number[]
  vectorOf(label: number): Float32Array | undefined
}
