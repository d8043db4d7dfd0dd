import { join } from 'node:path'
import type { Database, Listen } from '../../db/database.ts'
import { notify } from '../../db/notify.ts'
import type { IndexRow } from '../../db/schema/retrieval.ts'
import { toAppError } from '../../lib/errors.ts'
import type { IndexHost } from './hosted.ts'
import { type FollowingVectors, type LiveIndex, openLiveIndex } from './live-index.ts'

/** The indexes this process has open, by id. */
export type LiveIndexes = {
  /** Opened on first use. Two callers share one opening. */
  of(row: IndexRow): Promise<LiveIndex>
  /** The open index of this id, without a look at the database: what a row says of model and kind never changes. */
  opened(id: string | null): Promise<LiveIndex> | undefined
  /** To be called after a commit: this process has the change when it resolves, others soon. */
  changed(rows: readonly IndexRow[]): Promise<void>
  forget(row: IndexRow): Promise<void>
  close(): Promise<void>
}

export type LiveIndexesDeps = {
  db: Database
  listen: Listen
  host: IndexHost
  /** Snapshots go to `<snapshotsDir>/<collection>/<index>`; null keeps none. */
  snapshotsDir: string | null
  pgvector: (row: IndexRow) => FollowingVectors
  pollMs: number
  warn: (message: string, details: { [key: string]: unknown }) => void
}

const channel = 'weir_retrieval'

/** NOTIFY hurries other replicas; polling decides. */
export const createLiveIndexes = (deps: LiveIndexesDeps): LiveIndexes => {
  const { db, listen, host, snapshotsDir, warn } = deps
  const open = new Map<string, Promise<LiveIndex>>()

  const partitionOf = (row: IndexRow) =>
    host.partition({
      indexId: row.id,
      dimensions: row.dimensions,
      vectors: row.kind === 'pgvector' ? 'none' : row.kind,
      directory: snapshotsDir === null || row.kind !== 'hnsw' ? null : join(snapshotsDir, row.collectionId, row.id),
    })
  const start = (row: IndexRow): Promise<LiveIndex> => {
    const elsewhere = row.kind === 'pgvector' ? deps.pgvector(row) : undefined
    const live = openLiveIndex(row, { db, partition: partitionOf(row), elsewhere, warn })
    open.set(row.id, live)
    // A failed opening is tried again by the next caller.
    live.catch(() => open.delete(row.id))
    return live
  }
  const follow = async (id: string) => {
    try {
      await (await open.get(id))?.catchUp()
    } catch (error) {
      const { code, message, cause } = toAppError(error)
      if (code !== 'aborted') warn('an index could not follow its log', { index: id, code, message, cause: String(cause) })
    }
  }
  const timer = setInterval(() => {
    for (const id of open.keys()) void follow(id)
  }, deps.pollMs)
  timer.unref()
  const heard = listen(channel, (id) => void follow(id))
  heard.catch(() => undefined)

  return {
    of: (row) => open.get(row.id) ?? start(row),
    opened: (id) => (id === null ? undefined : open.get(id)),
    async changed(rows) {
      for (const row of rows) {
        await (await (open.get(row.id) ?? start(row))).catchUp()
        await notify(db, channel, row.id)
      }
    },
    async forget(row) {
      open.delete(row.id)
      await partitionOf(row).close(true)
      if (row.kind === 'pgvector') await deps.pgvector(row).drop()
    },
    async close() {
      clearInterval(timer)
      await heard.then((stop) => stop()).catch(() => undefined)
      for (const live of await Promise.allSettled(open.values())) {
        if (live.status !== 'fulfilled') continue
        await live.value
          .snapshot()
          .catch((error: unknown) => warn('no snapshot at close', { index: live.value.row.id, error: String(error) }))
        await live.value.close(false)
      }
      open.clear()
    },
  }
}
