import type { Breaker } from '../models/breaker.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Recorder } from '../traces/recorder.ts'
import type { Engines } from './models.ts'

/** Numbers that are read at every scrape rather than counted as they happen. */
export const watchGauges = (
  metrics: Metrics,
  parts: { recorder: Recorder; engines: Engines; breakers: () => ReadonlyMap<string, Breaker> },
): void => {
  const { recorder, engines, breakers } = parts
  metrics.gauge('weir_trace_spool_bytes', 'Traces on disk that are not in the database yet.', () => recorder.stats().spoolBytes)
  metrics.gauge('weir_traces_pending', 'Traces that are only in memory.', () => recorder.stats().pending)
  metrics.gauge('weir_traces_dropped', 'Traces lost since start because every bound was reached.', () => recorder.stats().dropped)
  metrics.gauge('weir_trace_payloads_dropped', 'Payloads left out since start to save room.', () => recorder.stats().payloadsDropped)
  metrics.gauge('weir_traces_stored', 'Traces put into the database since start.', () => recorder.stats().inserted)
  metrics.gauge('weir_traces_damaged', 'Spooled traces lost to damage on disk since start.', () => recorder.stats().damaged)
  metrics.gauge(
    'weir_traces_rejected',
    'Traces the database refused since start; they are in rejected.jsonl.',
    () => recorder.stats().rejected,
  )
  metrics.gauge('weir_trace_drain_errors', 'Failed attempts to reach the database since start.', () => recorder.stats().drainErrors)
  metrics.gauge('weir_trace_spool_errors', 'Failed writes to the spool since start.', () => recorder.stats().spoolErrors)
  metrics.gauge('weir_llama_engine_restarts', 'Restarts of the GGUF child since start.', () => engines.llama.status().restarts)
  metrics.gauge('weir_onnx_engine_restarts', 'Restarts of the ONNX child since start.', () => engines.onnx.status().restarts)
  metrics.gauge('weir_llama_engine_requests', 'Requests in the GGUF child.', () => engines.llama.status().inFlight)
  metrics.gauge('weir_onnx_engine_requests', 'Requests in the ONNX child.', () => engines.onnx.status().inFlight)
  metrics.gauge(
    'weir_breakers_open',
    'Models that calls are kept away from.',
    () => [...breakers().values()].filter((one) => !one.admits()).length,
  )
}
