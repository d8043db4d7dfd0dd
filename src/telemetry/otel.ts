import type { AnswerFacts } from './metrics.ts'
import { operations } from './operations.ts'

/** What a span reads of a finished request, besides what metrics do; a trace has all of it. */
export type SpanFacts = AnswerFacts & {
  id: string
  startedAtMs: number
  tenant: string
  variantHash: string | null
  upstreamModel: string | null
  finishReason: string | null
  cache: string | null
  attempts: number
}

export type SpanExport = {
  /** Queues a finished request for export; never throws and never waits. */
  answered: (facts: SpanFacts) => void
  /** Sends what is queued. */
  close: () => Promise<void>
}

/**
 * Exports a span per request to an OTLP/HTTP collector, with the attributes of OpenTelemetry's GenAI conventions. Spans are made from the
 * finished trace, so a request pays for one queue push. The SDK is loaded only here: without an endpoint nothing of it runs.
 */
export const openSpanExport = async (endpoint: string): Promise<SpanExport> => {
  const [{ SpanKind, SpanStatusCode }, { OTLPTraceExporter }, { resourceFromAttributes }, { BasicTracerProvider, BatchSpanProcessor }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-base'),
    ])
  let traceId = ''
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME ?? 'weir' }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }))],
    // A request's id, without its dashes, is a trace id: what a log names is found in both places.
    idGenerator: { generateTraceId: () => traceId, generateSpanId: () => traceId.slice(16) },
  })
  const tracer = provider.getTracer('weir')

  const answered = (facts: SpanFacts): void => {
    traceId = facts.id.replaceAll('-', '')
    const span = tracer.startSpan(`${operations[facts.endpoint]} ${facts.model ?? 'unknown'}`, {
      kind: SpanKind.SERVER,
      startTime: facts.startedAtMs,
      attributes: attributesOf(facts),
    })
    if (facts.firstTokenMs !== null) span.addEvent('first token', facts.startedAtMs + facts.firstTokenMs)
    if (facts.status !== 'ok') span.setStatus({ code: SpanStatusCode.ERROR, message: facts.errorCode ?? facts.status })
    span.end(facts.startedAtMs + facts.latencyMs)
  }
  return { answered, close: () => provider.shutdown() }
}

/** Attributes without a value are left out, which is how OpenTelemetry says unknown. */
const attributesOf = (facts: SpanFacts): Record<string, string | number | boolean | string[]> =>
  Object.fromEntries(
    Object.entries({
      'gen_ai.operation.name': operations[facts.endpoint],
      'gen_ai.provider.name': 'weir',
      'gen_ai.request.model': facts.route,
      'gen_ai.response.model': facts.upstreamModel ?? facts.model,
      'gen_ai.response.finish_reasons': facts.finishReason === null ? null : [facts.finishReason],
      'gen_ai.usage.input_tokens': facts.promptTokens,
      'gen_ai.usage.output_tokens': facts.completionTokens,
      'gen_ai.usage.cache_read.input_tokens': facts.cachedTokens,
      'error.type': facts.errorCode,
      'weir.tenant': facts.tenant,
      'weir.route': facts.route,
      'weir.variant': facts.variant,
      'weir.variant.hash': facts.variantHash,
      'weir.model': facts.model,
      'weir.cache': facts.cache,
      'weir.cost.usd': facts.costUsd,
      'weir.attempts': facts.attempts,
      'weir.fell_back_from': facts.fellBackFrom.length > 0 ? [...facts.fellBackFrom] : null,
      'weir.escalated_from': facts.escalation?.from ?? null,
      'weir.queue.ms': facts.queueMs,
      'weir.upstream.ms': facts.upstreamMs,
      'weir.stream': facts.stream,
    }).filter((entry): entry is [string, string | number | boolean | string[]] => entry[1] !== null),
  )
