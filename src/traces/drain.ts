import { appendFile } from 'node:fs/promises'
import type { Database } from '../db/database.ts'
import { sqlState } from '../db/sql-state.ts'
import { decodeFrames } from './frame.ts'
import { insertTraces } from './insert.ts'
import type { Segment, Spool } from './spool.ts'

export type DrainCounts = {
  inserted: number
  /** Lines that a crash or a disk spoilt. */
  damaged: number
  /** Records that Postgres refused for what is in them; they go to a file. */
  rejected: number
}

/**
 * Moves one sealed segment into Postgres, and deletes it once all of it is committed. Throws, with the segment kept, when Postgres is away.
 * `rest` is told how long a batch took, and waited for after it.
 */
export const drainSegment = async (
  spool: Spool,
  segment: Segment,
  db: Database,
  rejectedPath: string,
  counts: DrainCounts,
  rest: (tookMs: number) => Promise<void>,
): Promise<void> => {
  const bytes = await spool.read(segment)
  for (let offset = 0; offset < bytes.length; ) {
    const { records, damaged, next } = decodeFrames(bytes, offset, batchLimit)
    const sinceMs = performance.now()
    await insertOrReject(db, records, rejectedPath, counts)
    counts.damaged += damaged
    offset = next
    await rest(performance.now() - sinceMs)
  }
  await spool.remove(segment)
}

/** Small enough to hold neither the event loop nor, on a small machine, its core for long. */
const batchLimit = { records: 50, bytes: 256 * 1024 }

/** Halves a batch that Postgres refuses until the culprit stands alone, so that one bad record cannot hold up the rest. */
export const insertOrReject = async (db: Database, records: string[], rejectedPath: string, counts: DrainCounts): Promise<void> => {
  if (records.length === 0) return
  try {
    await insertTraces(db, records)
    counts.inserted += records.length
  } catch (error) {
    if (!isDataFault(error)) throw error
    if (records.length === 1) {
      await appendFile(rejectedPath, `${records[0]}\n`)
      counts.rejected += 1
      return
    }
    const half = records.length >> 1
    await insertOrReject(db, records.slice(0, half), rejectedPath, counts)
    await insertOrReject(db, records.slice(half), rejectedPath, counts)
  }
}

/** Data exceptions and constraint violations: another attempt would fail alike. */
const isDataFault = (error: unknown): boolean => /^2[23]/.test(sqlState(error) ?? '')
