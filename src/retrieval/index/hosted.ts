import { fileURLToPath } from 'node:url'
import { launchChild } from '../../engine/launch.ts'
import { type EngineLog, Supervisor } from '../../engine/supervisor.ts'
import { AppError } from '../../lib/errors.ts'
import type { PartitionSpec, PartitionStats } from './partition.ts'
import type { TextMatch } from './text-index.ts'
import { unitVector } from './unit-vector.ts'
import type { Neighbour, VectorIndex } from './vector-index.ts'
import { vectorToWire, type WireChange, type WireEntry } from './wire.ts'

/** The process that holds HNSW graphs, exact vectors and words, kept alive by its supervisor. */
export type IndexHost = {
  partition(spec: PartitionSpec): HostedPartition
  close(): Promise<void>
}

/** An index in the host. Every call throws `not_found` with param `index_id` when the host was restarted and does not hold it any more: `open` it again. */
export type HostedPartition = {
  readonly spec: PartitionSpec
  /** Loads the newest good snapshot, if any; `seq` in the answer says how far it goes, 0 for an empty index. */
  open(): Promise<PartitionStats>
  apply(changes: WireChange[]): Promise<PartitionStats>
  /** Rows instead of the log; the last call names the position they stand for. */
  fill(entries: WireEntry[], filledTo: number | null): Promise<PartitionStats>
  reset(): Promise<void>
  search(vector: Float32Array, k: number, signal?: AbortSignal): Promise<Neighbour[]>
  searchAmong(vector: Float32Array, k: number, labels: number[], signal?: AbortSignal): Promise<Neighbour[]>
  searchText(terms: string[], k: number, among: number[] | null, signal?: AbortSignal): Promise<TextMatch[]>
  findsItself(): Promise<boolean>
  stats(): Promise<PartitionStats>
  /** False when there was nothing new to write. */
  snapshot(): Promise<boolean>
  /** `forget` deletes the snapshots too. */
  close(forget: boolean): Promise<void>
}

export const createIndexHost = ({ cacheDir, log }: { cacheDir: string; log: EngineLog }): IndexHost => {
  const supervisor = new Supervisor({
    name: 'index',
    launch: () => launchChild({ entry: fileURLToPath(new URL('./child.ts', import.meta.url)), runtime: 'auto', cacheDir }),
    log,
  })
  return {
    partition: (spec) => hostedPartition(supervisor, spec),
    close: () => supervisor.close(),
  }
}

/** The port over a partition whose changes nobody else writes: for tests, benchmarks and collections without a log. */
export const hostedVectorIndex = (partition: HostedPartition): VectorIndex => {
  let seq = 0
  const { dimensions } = partition.spec
  return {
    dimensions,
    async add(entries) {
      const changes = entries.map(({ label, vector }) => {
        seq += 1
        return { seq, op: 'add' as const, label, vector: vectorToWire(unitVector(vector, dimensions)), terms: null }
      })
      await partition.apply(changes)
    },
    async remove(labels) {
      const changes = labels.map((label) => {
        seq += 1
        return { seq, op: 'remove' as const, label }
      })
      await partition.apply(changes)
    },
    search: async (vector, k, signal) => partition.search(unitVector(vector, dimensions), k, signal),
    searchAmong: async (vector, k, labels, signal) => partition.searchAmong(unitVector(vector, dimensions), k, labels, signal),
    count: async () => (await partition.stats()).count,
    close: () => partition.close(false),
  }
}

const hostedPartition = (supervisor: Supervisor, spec: PartitionSpec): HostedPartition => {
  const call = async <Value>(method: string, params: object, signal = AbortSignal.timeout(600_000)): Promise<Value> =>
    (await supervisor.call(method, { index_id: spec.indexId, ...params }, { signal })).value as Value
  return {
    spec,
    open: () => call('open', { spec }),
    apply: (changes) => call('apply', { changes }),
    fill: (entries, filledTo) => call('fill', { entries, filled_to: filledTo }),
    reset: () => call('reset', {}),
    search: (vector, k, signal) => call('search', { vector: vectorToWire(vector), k }, signal),
    searchAmong: (vector, k, labels, signal) => call('searchAmong', { vector: vectorToWire(vector), k, labels }, signal),
    searchText: (terms, k, among, signal) => call('searchText', { terms, k, among }, signal),
    findsItself: () => call('findsItself', {}),
    stats: () => call('stats', {}),
    snapshot: () => call('snapshot', {}),
    close: (forget) => call('close', { forget: forget ? spec.directory : null }),
  }
}

/** True for the answer of a host that was restarted and must be given the index again. */
export const isNotOpen = (error: unknown): boolean => error instanceof AppError && error.code === 'not_found' && error.param === 'index_id'
