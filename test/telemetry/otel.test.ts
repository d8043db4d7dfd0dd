import { expect, test } from 'vitest'
import { openSpanExport, type SpanFacts } from '../../src/telemetry/otel.ts'

const facts: SpanFacts = {
  id: '01a2045f-5fe7-7405-b00a-0ab195ab6900',
  startedAtMs: 1_795_369_689_063,
  endpoint: 'chat',
  status: 'ok',
  errorCode: null,
  tenant: 'acme',
  route: 'support',
  variant: 'a',
  variantHash: 'abc',
  model: 'm',
  upstreamModel: 'm-2026',
  finishReason: 'stop',
  stream: true,
  cache: null,
  attempts: 1,
  promptTokens: 10,
  completionTokens: 2,
  cachedTokens: 4,
  costUsd: null,
  latencyMs: 250,
  firstTokenMs: 100,
  queueMs: null,
  upstreamMs: 200,
  fellBackFrom: [],
  escalation: null,
  guardrails: null,
}

type Sent = {
  resourceSpans: {
    resource: { attributes: { key: string; value: object }[] }
    scopeSpans: {
      spans: {
        traceId: string
        name: string
        kind: number
        startTimeUnixNano: string
        endTimeUnixNano: string
        attributes: { key: string; value: object }[]
        events: { name: string }[]
        status: { code: number; message?: string }
      }[]
    }[]
  }[]
}

/** A collector that keeps what it is sent. */
const startCollector = () => {
  const received: { path: string; body: Sent }[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      received.push({ path: new URL(request.url).pathname, body: (await request.json()) as Sent })
      return Response.json({})
    },
  })
  return { received, url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) }
}

test('a finished request arrives at the collector as one span with GenAI attributes', async () => {
  await using collector = startCollector()
  const spans = await openSpanExport(collector.url)
  spans.answered(facts)
  spans.answered({ ...facts, id: facts.id.replace('01a2', '01a3'), status: 'error', errorCode: 'timeout', finishReason: null })
  await spans.close()
  expect(collector.received.map(({ path }) => path)).toEqual(['/v1/traces'])
  const [first, second] = collector.received[0]?.body.resourceSpans[0]?.scopeSpans[0]?.spans ?? []
  expect(first).toMatchObject({ traceId: '01a2045f5fe77405b00a0ab195ab6900', name: 'chat m', kind: 2, status: { code: 0 } })
  expect(BigInt(first!.endTimeUnixNano) - BigInt(first!.startTimeUnixNano)).toBe(250_000_000n)
  expect(first?.events).toMatchObject([{ name: 'first token' }])
  const attributes = Object.fromEntries(first!.attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
  expect(attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'support',
    'gen_ai.response.model': 'm-2026',
    'gen_ai.usage.input_tokens': 10,
    'gen_ai.usage.output_tokens': 2,
    'weir.variant': 'a',
    'weir.tenant': 'acme',
  })
  expect(attributes).not.toHaveProperty('weir.cost.usd')
  expect(second).toMatchObject({ traceId: '01a3045f5fe77405b00a0ab195ab6900', status: { code: 2, message: 'timeout' } })
})

test('a collector that is away disturbs nobody', async () => {
  const spans = await openSpanExport('http://127.0.0.1:1')
  spans.answered(facts)
  await Promise.race([spans.close().catch(() => undefined), Bun.sleep(300)])
})
