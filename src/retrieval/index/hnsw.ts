import type { HierarchicalNSW } from 'hnswlib-node'
import { AppError } from '../../lib/errors.ts'
import { nearest } from './exact.ts'
import { unitVector } from './unit-vector.ts'
import type { Neighbour, VectorEntry, VectorStore } from './vector-index.ts'

export type HnswParameters = {
  /** Links per node. */
  m: number
  efConstruction: number
  /** Candidates kept while searching: more finds more and takes longer. */
  efSearch: number
}

export const defaultHnsw: HnswParameters = { m: 16, efConstruction: 200, efSearch: 96 }

/**
 * A hierarchical navigable small world graph, Malkov & Yashunin 2018, by hnswlib. Lives in the index host only: every call blocks its thread, and a
 * file that hnswlib should not have trusted takes the process with it.
 */
export class HnswGraph implements VectorStore {
  readonly dimensions: number
  readonly parameters: HnswParameters
  #graph: HierarchicalNSW
  #live: Set<number>
  /** Every label the graph has nodes for. A removed node stays as a waypoint until the graph is rebuilt. */
  #nodes: number

  constructor(dimensions: number, parameters: HnswParameters = defaultHnsw, capacity = 4096) {
    this.dimensions = dimensions
    this.parameters = parameters
    this.#graph = newGraph(dimensions)
    this.#graph.initIndex(capacity, parameters.m, parameters.efConstruction, 100, false)
    this.#live = new Set()
    this.#nodes = 0
  }

  /** A graph from a file that was verified by its checksum; hnswlib itself checks nothing. `removed` are labels deleted before it was written. */
  static read(path: string, dimensions: number, parameters: HnswParameters, removed: Iterable<number>): HnswGraph {
    const graph = new HnswGraph(dimensions, parameters, 1)
    // Always into a fresh object: a failed read frees the old graph and leaves a dangling pointer.
    const loaded = newGraph(dimensions)
    loaded.readIndexSync(path, false)
    graph.#graph = loaded
    const labels = loaded.getIdsList()
    graph.#nodes = labels.length
    const gone = new Set(removed)
    graph.#live = new Set(labels.filter((label) => !gone.has(label)))
    return graph
  }

  /** hnswlib reports no error on a full disk or a missing folder: the caller must verify the file. */
  write(path: string): void {
    this.#graph.writeIndexSync(path)
  }

  get count(): number {
    return this.#live.size
  }

  get removedCount(): number {
    return this.#nodes - this.#live.size
  }

  add({ label, vector }: VectorEntry): void {
    const unit = unitVector(vector, this.dimensions)
    if (this.#live.has(label)) return
    if (this.#nodes >= this.#graph.getMaxElements()) this.#graph.resizeIndex(this.#graph.getMaxElements() * 2)
    this.#graph.addPoint(Array.from(unit), label)
    this.#live.add(label)
    this.#nodes += 1
  }

  remove(label: number): void {
    if (!this.#live.delete(label)) return
    this.#graph.markDelete(label)
  }

  search(vector: Float32Array, k: number): Neighbour[] {
    const query = Array.from(unitVector(vector, this.dimensions))
    const wanted = Math.min(k, this.count)
    if (wanted === 0) return []
    // hnswlib refuses k above its capacity, and a graph whose links thinned out may return fewer than asked: look wider, then look at everything.
    for (let ef = Math.max(this.parameters.efSearch, wanted); ef < 8 * this.count; ef *= 4) {
      this.#graph.setEf(ef)
      const { neighbors, distances } = this.#graph.searchKnn(query, wanted)
      if (neighbors.length >= wanted) return neighbors.map((label, at) => ({ label, score: 1 - (distances[at] as number) }))
    }
    return this.searchAmong(vector, k, this.#live)
  }

  searchAmong(vector: Float32Array, k: number, labels: Iterable<number>): Neighbour[] {
    const query = unitVector(vector, this.dimensions)
    const found: Neighbour[] = []
    for (const label of new Set(labels)) {
      if (!this.#live.has(label)) continue
      const point = this.#graph.getPoint(label)
      let score = 0
      for (let at = 0; at < query.length; at += 1) score += (point[at] as number) * (query[at] as number)
      found.push({ label, score })
    }
    return nearest(found, k)
  }

  labels(): number[] {
    return [...this.#live]
  }

  /** Nodes that were removed and still take room. */
  removedLabels(): number[] {
    return this.#graph.getIdsList().filter((label) => !this.#live.has(label))
  }

  vectorOf(label: number): Float32Array | undefined {
    return this.#live.has(label) ? Float32Array.from(this.#graph.getPoint(label)) : undefined
  }
}

let library: typeof import('hnswlib-node') | undefined

/** Maps the native library; to be awaited before the first graph. Throws `engine_unavailable` where it was never built. */
export const loadHnsw = async (): Promise<void> => {
  try {
    library ??= ((await import('hnswlib-node')) as { default?: typeof import('hnswlib-node') }).default ?? (await import('hnswlib-node'))
  } catch (cause) {
    throw new AppError('engine_unavailable', 'hnswlib-node is not built here: run `weir setup`, or configure `index: exact`', { cause })
  }
}

const newGraph = (dimensions: number): HierarchicalNSW => {
  if (library === undefined) throw new AppError('internal', 'loadHnsw was not awaited')
  // Vectors have length 1, so the inner product is the cosine, without a division per comparison.
  return new library.HierarchicalNSW('ip', dimensions)
}
