import { rmSync } from 'node:fs'
import { hostMethods, type Method } from '../../engine/host.ts'
import { AppError } from '../../lib/errors.ts'
import { Partition, type PartitionSpec } from './partition.ts'
import { fromWire, vectorFromWire, type WireChange, type WireEntry } from './wire.ts'

/**
 * The process that holds the indexes: hnswlib blocks the thread it runs on, and dies with its process. Searches are answered between slices of
 * building, so that a growing graph delays them by a slice and no more.
 */
const partitions = new Map<string, Partition>()
const sliceMs = 4

const held = (indexId: string): Partition => {
  const partition = partitions.get(indexId)
  // The gateway opens it again: this process may be the successor of one that died.
  if (partition === undefined) throw new AppError('not_found', 'the index is not open in this host', { param: 'index_id' })
  return partition
}

let building = false

const build = () => {
  if (building) return
  building = true
  const turn = () => {
    building = [...partitions.values()].map((partition) => partition.step(sliceMs)).includes(true)
    if (building) setImmediate(turn)
  }
  setImmediate(turn)
}

type Named = { index_id: string }

const methods: Record<string, Method> = {
  open: async ({ spec }: { spec: PartitionSpec }) => {
    const existing = partitions.get(spec.indexId)
    if (existing !== undefined) return existing.stats
    const partition = await Partition.open(spec)
    // Another call may have opened it meanwhile.
    if (!partitions.has(spec.indexId)) partitions.set(spec.indexId, partition)
    return held(spec.indexId).stats
  },
  apply: async ({ index_id, changes }: Named & { changes: WireChange[] }) => {
    const partition = held(index_id)
    partition.apply(changes.map(fromWire))
    build()
    return partition.stats
  },
  fill: async ({ index_id, entries, filled_to }: Named & { entries: WireEntry[]; filled_to: number | null }) => {
    const partition = held(index_id)
    partition.fill(entries.map(({ label, vector, terms }) => ({ label, vector: vector === null ? null : vectorFromWire(vector), terms })))
    if (filled_to !== null) {
      partition.filledTo(filled_to)
      build()
    }
    return partition.stats
  },
  reset: async ({ index_id }: Named) => held(index_id).reset(),
  search: async ({ index_id, vector, k }: Named & { vector: string; k: number }) => held(index_id).search(vectorFromWire(vector), k),
  searchAmong: async ({ index_id, vector, k, labels }: Named & { vector: string; k: number; labels: number[] }) =>
    held(index_id).searchAmong(vectorFromWire(vector), k, labels),
  searchText: async ({ index_id, terms, k, among }: Named & { terms: string[]; k: number; among: number[] | null }) =>
    held(index_id).searchText(terms, k, among),
  findsItself: async ({ index_id }: Named) => held(index_id).findsItself(),
  stats: async ({ index_id }: Named) => held(index_id).stats,
  snapshot: async ({ index_id }: Named) => held(index_id).writeSnapshot(),
  close: async ({ index_id, forget }: Named & { forget: string | null }) => {
    partitions.delete(index_id)
    if (forget !== null) rmSync(forget, { recursive: true, force: true })
  },
}

const status = () => ({
  indexes: partitions.size,
  vectors: [...partitions.values()].reduce((sum, partition) => sum + partition.stats.count, 0),
})

hostMethods(methods, status, async () => undefined)
