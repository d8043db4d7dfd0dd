import { join } from 'node:path'
import type { Database } from '../db/database.ts'
import { type DrainCounts, drainSegment, insertOrReject } from './drain.ts'
import { encodeTrace, type PayloadPolicy } from './encode.ts'
import { encodeFrame } from './frame.ts'
import { type OpenSegment, Spool } from './spool.ts'
import type { RecordTrace, Trace } from './trace.ts'

export type RecorderOptions = {
  /** Shared by the processes of a machine; each appends to its own directory in it. */
  spoolDir: string
  db: Database
  payload?: PayloadPolicy | undefined
  /** How long a trace may wait for others before it is written and synced with them. */
  groupMs?: number | undefined
  /** How often what is synced moves on to the database. */
  drainMs?: number | undefined
  /** Over 80 % of it payloads are dropped, over all of it whole traces; both are counted. */
  maxSpoolBytes?: number | undefined
  /** Traces in memory while neither disk nor database takes them; over half of it without payload. */
  maxPending?: number | undefined
  openSegment?: OpenSegment | undefined
  /** Hears of the first error of each outage. */
  onError?: ((what: 'spool' | 'drain', error: unknown) => void) | undefined
}

/** Counters since `start`, and gauges. */
export type RecorderStats = DrainCounts & {
  recorded: number
  /** Traces lost because every bound was reached. */
  dropped: number
  payloadsDropped: number
  spoolErrors: number
  drainErrors: number
  /** Traces that are only in memory. */
  pending: number
  spoolBytes: number
}

export type Recorder = {
  start(): void
  record: RecordTrace
  /** Resolves when all that was recorded is on the disk, or else in the database. Rejects when neither takes it. */
  flush(): Promise<void>
  /** Resolves when all that was recorded is in the database. Rejects when it is away. */
  drain(): Promise<void>
  /** Flushes, and drains for as long as `graceMs` allows; the next start takes the rest from the disk. */
  close(options?: { graceMs?: number }): Promise<void>
  stats(): RecorderStats
}

/**
 * Takes traces off the path of requests: memory → (within `groupMs`, one write and one fdatasync for the group) → spool → database.
 *
 * A killed process loses at most what it recorded in the last `groupMs` plus one sync. Whatever was synced arrives exactly once,
 * though the database be away for hours, and however often the process dies between: rows are keyed by trace id.
 */
export const createRecorder = (options: RecorderOptions): Recorder => {
  const { spoolDir, db, payload = 'keep', groupMs = 20, drainMs = 250, maxSpoolBytes = 1 << 30, maxPending = 20_000 } = options
  const spool = new Spool(spoolDir, { segmentBytes: 4 << 20, openSegment: options.openSegment })
  const rejectedPath = join(spoolDir, 'rejected.jsonl')
  const counts = { recorded: 0, dropped: 0, payloadsDropped: 0, spoolErrors: 0, drainErrors: 0, inserted: 0, damaged: 0, rejected: 0 }
  const outage = { spool: false, drain: false }
  let pending: Trace[] = []
  let groupTimer: Timer | undefined
  let drainTimer: Timer | undefined
  let closed = false
  /** Callers who wait for the database to have everything. */
  let hurried = 0
  // Appends and seals take turns; so do drains.
  let writing: Promise<void> = Promise.resolve()
  let draining: Promise<void> = Promise.resolve()
  let retryMs = firstRetryMs

  const record: RecordTrace = (trace) => {
    counts.recorded += 1
    if (pending.length >= maxPending || closed) {
      counts.dropped += 1
      return
    }
    pending.push(pending.length < maxPending / 2 ? trace : withoutPayload(trace))
    groupTimer ??= setTimeout(writeLater, groupMs)
  }

  const writeLater = () => {
    flush().then(
      () => {
        groupTimer = pending.length > 0 && !closed ? setTimeout(writeLater, groupMs) : undefined
      },
      () => {
        groupTimer = closed ? undefined : setTimeout(writeLater, 1_000)
      },
    )
  }

  const withoutPayload = (trace: Trace): Trace => {
    if (trace.payload === null) return trace
    counts.payloadsDropped += 1
    return { ...trace, payload: null }
  }

  const flush = (): Promise<void> => {
    const turn = writing.then(writeGroups)
    writing = turn.catch(() => {})
    return turn
  }

  const writeGroups = async (): Promise<void> => {
    for (let left = pending.length; left > 0 && pending.length > 0; ) {
      const group = pending.slice(0, groupRecords)
      const records = encodeGroup(group)
      if (records.length > 0) await keep(records)
      pending = pending.slice(group.length)
      left -= group.length
    }
  }

  /** As much of the group as the bound on the spool leaves room for. */
  const encodeGroup = (group: Trace[]): string[] => {
    const used = spool.bytes / maxSpoolBytes
    if (used >= 1) {
      counts.dropped += group.length
      return []
    }
    return group.map((trace) => encodeTrace(used < 0.8 ? trace : withoutPayload(trace), payload))
  }

  /** On the disk; when that is full or broken, straight to the database. */
  const keep = async (records: string[]): Promise<void> => {
    try {
      await spool.append(Buffer.from(records.map(encodeFrame).join('')))
      outage.spool = false
    } catch (error) {
      counts.spoolErrors += 1
      report('spool', error)
      await insertOrReject(db, records, rejectedPath, counts)
    }
  }

  const drain = (): Promise<void> => {
    hurried += 1
    return drainInTurn().finally(() => {
      hurried -= 1
    })
  }

  const drainInTurn = (): Promise<void> => {
    const turn = draining.then(drainAll)
    draining = turn.catch(() => {})
    return turn
  }

  /** The spool is durable, so the database can wait: traces must not take the CPU that the requests behind them need. */
  const rest = async (tookMs: number): Promise<void> => {
    if (hurried === 0 && spool.bytes < maxSpoolBytes / 8) await Bun.sleep(Math.min(tookMs * restPerWork, longestRestMs))
  }

  const drainAll = async (): Promise<void> => {
    await flush()
    const sealed = writing.then(() => spool.seal())
    writing = sealed
    await sealed
    for (let segment = spool.oldest(); segment; segment = spool.oldest()) {
      await drainSegment(spool, segment, db, rejectedPath, counts, rest)
    }
    outage.drain = false
  }

  const drainLater = (delayMs: number) => {
    if (closed) return
    drainTimer = setTimeout(() => {
      drainInTurn().then(
        () => {
          retryMs = firstRetryMs
          drainLater(drainMs)
        },
        (error) => {
          counts.drainErrors += 1
          report('drain', error)
          drainLater(retryMs * (0.75 + Math.random() / 2))
          retryMs = Math.min(retryMs * 2, lastRetryMs)
        },
      )
    }, delayMs)
  }

  const report = (what: 'spool' | 'drain', error: unknown) => {
    if (!outage[what]) options.onError?.(what, error)
    outage[what] = true
  }

  return {
    start: () => {
      spool.start()
      drainLater(0)
    },
    record,
    flush,
    drain,
    close: async ({ graceMs = 3_000 } = {}) => {
      if (closed) return
      closed = true
      clearTimeout(groupTimer)
      clearTimeout(drainTimer)
      await flush().catch((error) => report('spool', error))
      await Promise.race([drain().catch((error) => report('drain', error)), Bun.sleep(graceMs)])
      await writing
      await spool.close()
    },
    stats: () => ({ ...counts, pending: pending.length, spoolBytes: spool.bytes }),
  }
}

const groupRecords = 128
/** A fifth of the time at most is spent draining, unless somebody waits or the spool fills. */
const restPerWork = 4
const longestRestMs = 1_000
const firstRetryMs = 250
const lastRetryMs = 5_000
