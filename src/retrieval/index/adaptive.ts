import { ExactVectors } from './exact.ts'
import { defaultHnsw, HnswGraph, type HnswParameters } from './hnsw.ts'
import type { Neighbour, VectorEntry, VectorStore } from './vector-index.ts'

export type AdaptiveOptions = {
  /** `exact` never builds a graph. */
  kind: 'exact' | 'hnsw'
  hnsw: HnswParameters
  /** Vectors at which comparing with all of them stops being the better choice. */
  exactBelow: number
}

export const defaultAdaptive: AdaptiveOptions = { kind: 'hnsw', hnsw: defaultHnsw, exactBelow: 2000 }

/**
 * Exact search while the collection is small, and while its graph is being built; then the graph. The next graph grows beside the one that serves,
 * a few milliseconds at a time, and takes its place when it holds everything. The same path rebuilds a graph with too many removed nodes.
 */
export class AdaptiveVectors implements VectorStore {
  readonly dimensions: number
  readonly options: AdaptiveOptions
  #serving: ExactVectors | HnswGraph
  #next: { graph: HnswGraph; waiting: number[] } | null = null

  constructor(dimensions: number, options: AdaptiveOptions = defaultAdaptive, serving?: HnswGraph) {
    this.dimensions = dimensions
    this.options = options
    this.#serving = serving ?? new ExactVectors(dimensions)
  }

  get count(): number {
    return this.#serving.count
  }

  /** The graph that serves, or undefined while exact search does. */
  get graph(): HnswGraph | undefined {
    return this.#serving instanceof HnswGraph ? this.#serving : undefined
  }

  get building(): boolean {
    return this.#next !== null
  }

  add(entry: VectorEntry): void {
    const before = this.count
    this.#serving.add(entry)
    if (this.count > before) this.#next?.waiting.push(entry.label)
  }

  remove(label: number): void {
    this.#serving.remove(label)
    this.#next?.graph.remove(label)
  }

  search(vector: Float32Array, k: number): Neighbour[] {
    return this.#serving.search(vector, k)
  }

  searchAmong(vector: Float32Array, k: number, labels: Iterable<number>): Neighbour[] {
    return this.#serving.searchAmong(vector, k, labels)
  }

  labels(): number[] {
    return this.#serving.labels()
  }

  vectorOf(label: number): Float32Array | undefined {
    return this.#serving.vectorOf(label)
  }

  /** Works on the next graph for about `budgetMs`; false when there is nothing to do. */
  step(budgetMs: number): boolean {
    if (this.#next === null && !this.#wantsGraph()) return false
    this.#next ??= { graph: new HnswGraph(this.dimensions, this.options.hnsw, this.count + 1024), waiting: this.labels().reverse() }
    const { graph, waiting } = this.#next
    const until = performance.now() + budgetMs
    while (performance.now() < until) {
      const label = waiting.pop()
      if (label === undefined) {
        this.#serving = graph
        this.#next = null
        break
      }
      // A label removed since it was queued has no vector any more.
      const vector = this.vectorOf(label)
      if (vector !== undefined) graph.add({ label, vector })
    }
    return true
  }

  #wantsGraph(): boolean {
    if (this.options.kind === 'exact') return false
    if (!(this.#serving instanceof HnswGraph)) return this.count >= this.options.exactBelow
    return this.#serving.removedCount > 1000 && this.#serving.removedCount > this.count * 0.25
  }
}
