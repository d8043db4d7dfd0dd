import { expireCacheEntries } from '../cache/postgres.ts'
import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { expireScores } from '../evals/online/store.ts'
import type { Clock } from '../lib/clock.ts'
import { pause } from '../lib/pause.ts'
import type { Logger } from '../telemetry/log.ts'
import { expireTraces } from '../traces/retention.ts'

type Housekeeping = {
  db: Database
  clock: Clock
  defaults: () => WeirConfig['defaults']
  /** Drops indexes that were switched away from longer ago than they are kept. */
  reclaimIndexes: () => Promise<string[]>
  signal: AbortSignal
  log: Logger
}

/** Expires traces, payloads, cached answers and old indexes every hour until the signal aborts. */
export const housekeeping = async ({ db, clock, defaults, reclaimIndexes, signal, log }: Housekeeping): Promise<void> => {
  while (!signal.aborted) {
    try {
      await pause(hourMs, signal)
      const { trace_days, payload_days } = defaults()
      const gone = await expireTraces(db, { tracesDays: trace_days, payloadsDays: payload_days }, clock(), signal)
      await expireScores(db, clock() - trace_days * 24 * hourMs)
      await expireCacheEntries(db, clock())
      await reclaimIndexes()
      if (gone.traces + gone.payloads > 0) log.info(gone, 'expired traces')
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'traces could not be expired; will try again')
    }
  }
}

const hourMs = 3_600_000
