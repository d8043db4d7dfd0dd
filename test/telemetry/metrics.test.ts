import { expect, test } from 'vitest'
import { type AnswerFacts, createMetrics } from '../../src/telemetry/metrics.ts'

const facts: AnswerFacts = {
  endpoint: 'chat',
  status: 'ok',
  errorCode: null,
  route: 'support',
  stream: true,
  variant: 'a',
  model: 'm',
  promptTokens: 100,
  completionTokens: 11,
  cachedTokens: 40,
  costUsd: 0.5,
  latencyMs: 1500,
  firstTokenMs: 500,
  queueMs: 200,
  upstreamMs: 1298,
  fellBackFrom: ['first'],
  escalation: null,
  guardrails: null,
}
const call = 'gen_ai_operation_name="chat",gen_ai_request_model="m"'

test('an answer is counted under the names of OpenTelemetry’s GenAI conventions, in seconds', async () => {
  const metrics = createMetrics()
  metrics.answered(facts)
  const text = await metrics.text()
  expect(text).toContain(`gen_ai_server_request_duration_seconds_sum{${call},error_type=""} 1.5`)
  expect(text).toContain(`gen_ai_server_time_to_first_token_seconds_sum{${call}} 0.5`)
  expect(text).toContain(`gen_ai_server_time_per_output_token_seconds_sum{${call}} 0.1`)
  expect(text).toContain(`weir_queue_seconds_sum{${call}} 0.2`)
  expect(text).toMatch(/weir_gateway_overhead_seconds_sum\{.*\} 0\.002/)
  expect(text).toContain(`weir_tokens_total{${call},gen_ai_token_type="input"} 100`)
  expect(text).toContain(`weir_tokens_total{${call},gen_ai_token_type="cached"} 40`)
  expect(text).toContain(`weir_cost_usd_total{${call}} 0.5`)
  expect(text).toContain('weir_fallbacks_total{model="first"} 1')
  expect(text).toContain('weir_answers_total{route="support",variant="a",status="ok"} 1')
})

test('what is unknown is left out rather than counted as nothing', async () => {
  const metrics = createMetrics()
  metrics.answered({ ...facts, firstTokenMs: null, queueMs: null, upstreamMs: null, completionTokens: null, costUsd: null })
  const text = await metrics.text()
  for (const name of [
    'gen_ai_server_time_to_first_token_seconds',
    'weir_queue_seconds',
    'weir_gateway_overhead_seconds',
    'weir_cost_usd_total',
  ]) {
    expect(text).not.toMatch(new RegExp(`^${name}(_count)?\\{`, 'm'))
  }
})

test('names that clients made up share one label', async () => {
  const metrics = createMetrics()
  for (let index = 0; index < 100; index += 1) {
    metrics.answered({ ...facts, status: 'error', errorCode: 'model_not_found', route: `made-up-${index}`, variant: null, model: null })
  }
  const text = await metrics.text()
  expect(text).not.toContain('made-up')
  expect(text).toContain('weir_answers_total{route="unknown",variant="unknown",status="error"} 100')
})

test('gauges are read when they are scraped', async () => {
  const metrics = createMetrics()
  let depth = 1
  metrics.gauge('weir_spool_depth', 'Traces waiting.', () => depth)
  depth = 7
  expect(await metrics.text()).toContain('weir_spool_depth 7')
})
