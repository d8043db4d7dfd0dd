import type { Database } from '../../db/database.ts'
import type { IndexRow } from '../../db/schema/retrieval.ts'
import { AppError } from '../../lib/errors.ts'
import { changesAfter, entriesAfter, logBounds, trimLog } from '../store/change-log.ts'
import { type HostedPartition, isNotOpen } from './hosted.ts'
import type { PartitionStats } from './partition.ts'
import type { TextMatch } from './text-index.ts'
import type { VectorIndex } from './vector-index.ts'

/** An index that follows its log: what was committed before `catchUp` was called is found after it. */
export type LiveIndex = {
  readonly row: IndexRow
  readonly vectors: VectorIndex
  searchText(terms: string[], k: number, among: number[] | null, signal?: AbortSignal): Promise<TextMatch[]>
  catchUp(): Promise<void>
  stats(): Promise<PartitionStats>
  /** Writes a snapshot when there is something new, and trims the log behind the one before. */
  snapshot(): Promise<void>
  close(forget: boolean): Promise<void>
}

export type LiveIndexDeps = {
  db: Database
  partition: HostedPartition
  /** Where vectors live when not in the partition; follows the same log. */
  elsewhere?: FollowingVectors | undefined
  warn: (message: string, details: { [key: string]: unknown }) => void
}

/** A vector index that keeps its own place in the log. */
export type FollowingVectors = { vectors: VectorIndex; follow(): Promise<void>; drop(): Promise<void> }

const pageSize = 500
/** Changes after which a snapshot is worth its writing. */
const snapshotEvery = 2000

/**
 * Opens an index: newest good snapshot, then the log since, then a test that stored vectors find themselves; when any of it fails, everything from the
 * rows. A host that died is given the index again by whoever notices first.
 */
export const openLiveIndex = async (row: IndexRow, { db, partition, elsewhere, warn }: LiveIndexDeps): Promise<LiveIndex> => {
  let position = 0
  let snapshotPosition = 0
  let previousSnapshot = 0
  let turn: Promise<unknown> = Promise.resolve()
  /** Following is one at a time; searches go in between. */
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }

  const open = async () => {
    const stats = await partition.open()
    if (stats.refusedSnapshots.length > 0)
      warn('index snapshots were refused; rebuilding what they held', { index: row.id, refused: stats.refusedSnapshots })
    if (stats.degraded !== null) warn('searching exactly instead of by graph', { index: row.id, reason: stats.degraded })
    position = stats.seq
    snapshotPosition = stats.seq
    const bounds = await logBounds(db, row.id)
    if (bounds === undefined) throw new AppError('not_found', `the index '${row.id}' is gone`)
    const whole = position > 0 && position <= bounds.last && bounds.first <= position + 1
    if (whole) await follow()
    if (!whole || !(await partition.findsItself())) {
      if (position > 0) warn('the index does not fit its log; rebuilding from the rows', { index: row.id, position, ...bounds })
      await rebuild()
    }
  }
  const rebuild = async () => {
    await partition.reset()
    const bounds = await logBounds(db, row.id)
    let label = -1
    for (;;) {
      const rows = await entriesAfter(db, row.id, label, pageSize)
      if (rows.length > 0)
        await partition.fill(
          rows.map((entry) => ({ label: entry.label, vector: base64(entry.vector), terms: entry.terms })),
          null,
        )
      if (rows.length < pageSize) break
      label = rows.at(-1)?.label ?? label
    }
    position = bounds?.last ?? 0
    await partition.fill([], position)
    await follow()
  }
  const follow = async () => {
    for (;;) {
      const changes = await changesAfter(db, row.id, position, pageSize)
      const last = changes.at(-1)
      if (changes[0] !== undefined && changes[0].seq !== position + 1) return rebuild()
      if (last !== undefined) {
        await partition.apply(
          changes.map(({ seq, op, label, vector, terms }) =>
            op === 'remove' ? { seq, op, label } : { seq, op, label, vector: vector === null ? null : base64(vector), terms },
          ),
        )
        position = last.seq
      }
      if (changes.length < pageSize) break
    }
    await elsewhere?.follow()
  }
  const reopening = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      return await work()
    } catch (error) {
      if (!isNotOpen(error)) throw error
      await inTurn(async () => {
        // Whoever was first has opened it by now.
        if (await partition.stats().then(() => false, isNotOpen)) await open()
      })
      return work()
    }
  }
  const snapshot = async () => {
    if (!(await partition.snapshot())) return
    previousSnapshot = snapshotPosition
    snapshotPosition = position
    await trimLog(db, row.id, previousSnapshot)
  }
  const hosted: VectorIndex = {
    dimensions: row.dimensions,
    add: readOnly,
    remove: readOnly,
    search: (vector, k, signal) => reopening(() => partition.search(vector, k, signal)),
    searchAmong: (vector, k, labels, signal) => reopening(() => partition.searchAmong(vector, k, labels, signal)),
    count: async () => (await reopening(() => partition.stats())).count,
    close: async () => undefined,
  }

  await inTurn(open)
  return {
    row,
    vectors: elsewhere?.vectors ?? hosted,
    searchText: (terms, k, among, signal) => reopening(() => partition.searchText(terms, k, among, signal)),
    catchUp: () =>
      reopening(() =>
        inTurn(async () => {
          await follow()
          if (position - snapshotPosition >= snapshotEvery) await snapshot()
        }),
      ),
    stats: () => reopening(() => partition.stats()),
    snapshot: () => reopening(() => inTurn(snapshot)),
    close: async (forget) => {
      await turn
      await partition.close(forget)
      await elsewhere?.vectors.close()
    },
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

const readOnly = () => Promise.reject(new AppError('internal', 'a live index is written through the log'))
