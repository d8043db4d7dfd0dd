import { join } from 'node:path'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import type { Breaker } from '../models/breaker.ts'
import { createObserver } from '../registry/observations.ts'
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
  /** Provider and host's name of a configured model; undefined for a local one. */
  hostedAs: (model: string) => { provider: string; requested: string } | undefined
  clock: Clock
  log: Logger
}

/** Where finished requests are reported: the spool of traces, the metrics and, with an endpoint, spans. */
export const createObserving = async (
  options: ObservingOptions,
): Promise<{ record: RecordTrace; metrics: Metrics; close(): Promise<void> }> => {
  const { db, stateDir, spanEndpoint, engines, breakers, hostedAs, clock, log } = options
  const metrics = createMetrics()
  const spans = spanEndpoint === undefined ? undefined : await openSpanExport(spanEndpoint)
  const recorder = createRecorder({
    spoolDir: join(stateDir, 'spool'),
    db,
    onError: (what, error) =>
      log.warn({ err: error }, `traces wait: the ${what === 'spool' ? 'spool cannot be written' : 'database is away'}`),
  })
  const echoes = createObserver({
    db,
    clock,
    onChange: ({ provider, requested, from, echoed }) => {
      if (from !== null) log.warn({ provider, requested, from, echoed }, 'a host answers with another model than before')
    },
    onError: (error) => log.warn({ err: error }, 'the model that a host names could not be recorded'),
  })
  recorder.start()
  watchGauges(metrics, { recorder, engines, breakers })
  return {
    metrics,
    record: (trace) => {
      recorder.record(trace)
      // The metrics are about traffic; what is asked to learn something has rows of its own.
      if (trace.purpose === 'live') metrics.answered(trace)
      spans?.answered(trace)
      const hosted = trace.upstreamModel === null || trace.model === null ? undefined : hostedAs(trace.model)
      if (hosted && trace.upstreamModel !== null) echoes.observe({ ...hosted, echoed: trace.upstreamModel })
    },
    close: async () => {
      await echoes.settled()
      await recorder.close()
      await spans?.close()
    },
  }
}
