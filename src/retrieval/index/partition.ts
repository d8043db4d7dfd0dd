import { AppError } from '../../lib/errors.ts'
import { AdaptiveVectors, defaultAdaptive } from './adaptive.ts'
import { loadHnsw } from './hnsw.ts'
import { findsItself, readSnapshot, type SnapshotSpec, writeSnapshot } from './snapshot.ts'
import { TextIndex, type TextMatch } from './text-index.ts'
import type { Neighbour } from './vector-index.ts'

/** One index as its host holds it: the vectors and words of one collection under one embedding version. */
export type PartitionSpec = {
  indexId: string
  dimensions: number
  /** `none`: the vectors live in pgvector, the host keeps the words. */
  vectors: 'hnsw' | 'exact' | 'none'
  /** Where snapshots go; null keeps none. */
  directory: string | null
}

/** An entry of the change log with what it adds. `terms` is a `tsvector` as Postgres prints it. */
export type Change =
  | { seq: number; op: 'add'; label: number; vector: Float32Array | null; terms: string | null }
  | { seq: number; op: 'remove'; label: number }

export type PartitionStats = {
  seq: number
  count: number
  serving: 'exact' | 'hnsw' | 'none'
  building: boolean
  /** Why the index cannot have its graph, or null. */
  degraded: string | null
  refusedSnapshots: string[]
}

/** Runs inside the index host. Changes are applied in the order of the log; one that was applied before changes nothing. */
export class Partition {
  readonly spec: PartitionSpec
  readonly #snapshot: SnapshotSpec
  #vectors: AdaptiveVectors
  #text = new TextIndex()
  #seq = 0
  #snapshotSeq = 0
  #writing = false
  #refused: string[] = []
  #degraded: string | null = null

  private constructor(spec: PartitionSpec) {
    this.spec = spec
    this.#snapshot = { indexId: spec.indexId, dimensions: spec.dimensions, hnsw: defaultAdaptive.hnsw }
    this.#vectors = this.#emptyVectors()
  }

  static async open(spec: PartitionSpec): Promise<Partition> {
    const partition = new Partition(spec)
    if (spec.vectors !== 'hnsw') return partition
    try {
      await loadHnsw()
    } catch (error) {
      partition.#degraded = error instanceof AppError ? error.message : String(error)
      partition.#vectors = partition.#emptyVectors()
      return partition
    }
    if (spec.directory === null) return partition
    const loaded = await readSnapshot(spec.directory, partition.#snapshot, (file, reason) => partition.#refused.push(`${file}: ${reason}`))
    if (loaded === undefined) return partition
    partition.#vectors = new AdaptiveVectors(spec.dimensions, defaultAdaptive, loaded.graph)
    partition.#text = loaded.text
    partition.#seq = loaded.seq
    partition.#snapshotSeq = loaded.seq
    return partition
  }

  get stats(): PartitionStats {
    const serving = this.spec.vectors === 'none' ? 'none' : this.#vectors.graph === undefined ? 'exact' : 'hnsw'
    const count = this.spec.vectors === 'none' ? this.#text.count : this.#vectors.count
    return { seq: this.#seq, count, serving, building: this.#vectors.building, degraded: this.#degraded, refusedSnapshots: this.#refused }
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.seq <= this.#seq) continue
      if (change.op === 'remove') {
        this.#vectors.remove(change.label)
        this.#text.remove(change.label)
      } else {
        if (change.vector !== null && this.spec.vectors !== 'none') this.#vectors.add({ label: change.label, vector: change.vector })
        if (change.terms !== null) this.#text.add(change.label, parseTsvector(change.terms))
      }
      this.#seq = change.seq
    }
  }

  /** Loads rows instead of the log: their order says nothing, so the caller names the position of the log they were read at. */
  fill(entries: readonly { label: number; vector: Float32Array | null; terms: string | null }[]): void {
    for (const { label, vector, terms } of entries) {
      if (vector !== null && this.spec.vectors !== 'none') this.#vectors.add({ label, vector })
      if (terms !== null) this.#text.add(label, parseTsvector(terms))
    }
  }

  filledTo(seq: number): void {
    this.#seq = seq
  }

  reset(): void {
    this.#vectors = this.#emptyVectors()
    this.#text = new TextIndex()
    this.#seq = 0
  }

  search(vector: Float32Array, k: number): Neighbour[] {
    return this.#vectors.search(vector, k)
  }

  searchAmong(vector: Float32Array, k: number, labels: number[]): Neighbour[] {
    return this.#vectors.searchAmong(vector, k, labels)
  }

  searchText(terms: string[], k: number, among: number[] | null): TextMatch[] {
    return this.#text.search(terms, k, among === null ? undefined : new Set(among))
  }

  findsItself(): boolean {
    return this.spec.vectors === 'none' || findsItself(this.#vectors)
  }

  /** True when a snapshot was written: there is a graph, it is complete, and it changed since the last one. */
  async writeSnapshot(): Promise<boolean> {
    const { graph, building } = this.#vectors
    if (this.spec.directory === null || graph === undefined || building || this.#writing || this.#seq === this.#snapshotSeq) return false
    const seq = this.#seq
    this.#writing = true
    try {
      await writeSnapshot(this.spec.directory, this.#snapshot, seq, graph, this.#text)
    } finally {
      this.#writing = false
    }
    this.#snapshotSeq = seq
    return true
  }

  step(budgetMs: number): boolean {
    return this.#vectors.step(budgetMs)
  }

  #emptyVectors(): AdaptiveVectors {
    const kind = this.spec.vectors === 'hnsw' && this.#degraded === null ? 'hnsw' : 'exact'
    return new AdaptiveVectors(this.spec.dimensions, { ...defaultAdaptive, kind })
  }
}

/** Words and their counts from the text form of a tsvector, such as `'fox':2,7 'it''s':3B`. A word without positions counts once. */
export const parseTsvector = (text: string): Map<string, number> => {
  const terms = new Map<string, number>()
  for (const [, word = '', positions] of text.matchAll(/'((?:[^']|'')*)'(?::([\d,A-D]+))?/g)) {
    const count = positions === undefined ? 1 : positions.split(',').length
    terms.set(word.replaceAll("''", "'").replaceAll('\\\\', '\\'), count)
  }
  return terms
}
