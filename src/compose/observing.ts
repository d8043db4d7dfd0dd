import { join } from 'node:path'
import type { Database } from '../db/database.ts'
import type { Breaker } from '../models/breaker.ts'
import type { Logger } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { openSpanExport } from '../telemetry/otel.ts'
import { createRecorder } from '../traces/recorder.ts'
import type { RecordTrace } from '../traces/trace.ts'
import { watchGauges } from './gauges.ts'
import type { Engines } from './models.ts'

export type ObservingOptions = {
  db: Database
  stateDir: string
  /** Of an OTLP collector. */
  spanEndpoint: string | undefined
  engines: Engines
  breakers: () => ReadonlyMap<string, Breaker>
  log: Logger
}

/** Where finished requests are reported: the spool of traces, the metrics and, with an endpoint, spans. */
export const createObserving = async (
  options: ObservingOptions,
): Promise<{ record: RecordTrace; metrics: Metrics; close(): Promise<void> }> => {
  const { db, stateDir, spanEndpoint, engines, breakers, log } = options
  const metrics = createMetrics()
  const spans = spanEndpoint === undefined ? undefined : await openSpanExport(spanEndpoint)
  const recorder = createRecorder({
    spoolDir: join(stateDir, 'spool'),
    db,
    onError: (what, error) =>
      log.warn({ err: error }, `traces wait: the ${what === 'spool' ? 'spool cannot be written' : 'database is away'}`),
  })
  recorder.start()
  watchGauges(metrics, { recorder, engines, breakers })
  return {
    metrics,
    record: (trace) => {
      recorder.record(trace)
      metrics.answered(trace)
      spans?.answered(trace)
    },
    close: async () => {
      await recorder.close()
      await spans?.close()
    },
  }
}
