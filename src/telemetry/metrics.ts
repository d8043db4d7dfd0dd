import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { operations } from './operations.ts'
import { counterSeries, histogramSeries } from './series.ts'

/** What metrics read of a finished request; a trace has all of it. */
export type AnswerFacts = {
  endpoint: keyof typeof operations
  status: 'ok' | 'error' | 'aborted'
  errorCode: string | null
  route: string
  stream: boolean
  variant: string | null
  model: string | null
  promptTokens: number | null
  completionTokens: number | null
  cachedTokens: number | null
  costUsd: number | null
  latencyMs: number
  firstTokenMs: number | null
  queueMs: number | null
  upstreamMs: number | null
  fellBackFrom: readonly string[]
  escalation: { from: string } | null
  guardrails: readonly { name: string; stage: string; outcome: string; ms: number }[] | null
}

export type ScoreFacts = {
  route: string
  variant: string | null
  scorer: string
  score: number | null
  passed: boolean | null
  costUsd: number | null
}

export type Metrics = {
  /** One HTTP response. `route` is the pattern that matched, never the path: paths are the client's to invent. */
  responded: (route: string, status: number) => void
  /** One finished request to a model. */
  answered: (facts: AnswerFacts) => void
  /** A copy of a live request that was due for a shadow. */
  shadowed: (copy: { route: string; variant: string; outcome: 'sent' | 'dropped' }) => void
  /** What a scorer made of a live answer; null when it gave no verdict. */
  scored: (score: ScoreFacts) => void
  /** A number read at every scrape. */
  gauge: (name: string, help: string, read: () => number) => void
  /** One number for each set of labels that there is now. Labels come from the configuration, as all do. */
  gauges: (name: string, help: string, labelNames: readonly string[], read: () => readonly LabelledValue[]) => void
  /** Prometheus text format. */
  text: () => Promise<string>
  contentType: string
}

export type LabelledValue = { labels: readonly string[]; value: number }

/**
 * Names follow OpenTelemetry's GenAI conventions where these have one. Labels come from the configuration alone, so their number is
 * bounded by it: a name that a client made up is counted under `unknown`.
 */
export const createMetrics = (): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[], buckets: number[]) =>
    histogramSeries({ registry, name, help, labelNames, buckets })
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    counterSeries({ registry, name, help, labelNames })

  const call = ['gen_ai_operation_name', 'gen_ai_request_model'] as const
  const duration = histogram(
    'gen_ai_server_request_duration_seconds',
    'Arrival of a request to its end.',
    [...call, 'error_type'],
    durationBuckets,
  )
  const firstToken = histogram(
    'gen_ai_server_time_to_first_token_seconds',
    'Arrival of a request to the first token.',
    call,
    firstTokenBuckets,
  )
  const perToken = histogram('gen_ai_server_time_per_output_token_seconds', 'Time per token after the first.', call, perTokenBuckets)
  const queue = histogram('weir_queue_seconds', 'Time spent waiting in our own queues.', call, firstTokenBuckets)
  const overhead = histogram(
    'weir_gateway_overhead_seconds',
    'Time of a request not spent in its model, host or queue.',
    call,
    overheadBuckets,
  )
  const responses = counter('weir_http_responses_total', 'HTTP responses.', ['http_route', 'http_response_status_code'])
  const answers = counter('weir_answers_total', 'Requests to a route, by how they ended.', ['route', 'variant', 'status'])
  const tokens = counter('weir_tokens_total', 'Tokens. Cached ones are part of input.', [...call, 'gen_ai_token_type'])
  const cost = counter('weir_cost_usd_total', 'US dollars, where the price is known.', call)
  const fallbacks = counter('weir_fallbacks_total', 'Times an answer fell back from a model.', ['model'])

  const escalations = counter('weir_escalations_total', 'Answers thrown away for a larger model’s.', ['route', 'variant', 'model'])
  const shadows = counter('weir_shadow_copies_total', 'Copies of live requests that were due for a shadow.', [
    'route',
    'variant',
    'outcome',
  ])

  const guarded = histogram(
    'weir_guardrail_seconds',
    'Time that requests waited for a guardrail, by what it did.',
    ['guardrail', 'stage', 'outcome'],
    overheadBuckets,
  )

  const scored = ['route', 'variant', 'scorer'] as const
  const scores = counter('weir_online_scores_total', 'Live answers that a scorer judged, by its verdict.', [...scored, 'verdict'])
  const scoreValues = histogram('weir_online_score', 'Scores of live answers.', scored, scoreBuckets)
  const scoreCost = counter('weir_online_score_cost_usd_total', 'US dollars for judges of live answers, where the price is known.', [
    'route',
  ])

  const answered = (facts: AnswerFacts): void => {
    const labels = [operations[facts.endpoint], facts.model ?? 'unknown']
    const { latencyMs, firstTokenMs, upstreamMs, queueMs, promptTokens, completionTokens, cachedTokens } = facts
    duration([...labels, facts.errorCode ?? ''], latencyMs / 1000)
    if (firstTokenMs !== null) firstToken(labels, firstTokenMs / 1000)
    // An answer that comes whole has no time between its tokens.
    if (facts.stream && firstTokenMs !== null && completionTokens !== null && completionTokens > 1) {
      perToken(labels, (latencyMs - firstTokenMs) / 1000 / (completionTokens - 1))
    }
    if (queueMs !== null) queue(labels, queueMs / 1000)
    if (upstreamMs !== null) overhead(labels, Math.max(0, latencyMs - upstreamMs - (queueMs ?? 0)) / 1000)
    answers([facts.variant === null ? 'unknown' : facts.route, facts.variant ?? 'unknown', facts.status], 1)
    if (promptTokens !== null) tokens([...labels, 'input'], promptTokens)
    if (completionTokens !== null) tokens([...labels, 'output'], completionTokens)
    if (cachedTokens) tokens([...labels, 'cached'], cachedTokens)
    if (facts.costUsd !== null) cost(labels, facts.costUsd)
    for (const model of facts.fellBackFrom) fallbacks([model], 1)
    if (facts.escalation && facts.variant !== null) escalations([facts.route, facts.variant, facts.escalation.from], 1)
    for (const { name, stage, outcome, ms } of facts.guardrails ?? []) guarded([name, stage, outcome], ms / 1000)
  }

  return {
    responded: (route, status) => responses([route, String(status)], 1),
    answered,
    shadowed: ({ route, variant, outcome }) => shadows([route, variant, outcome], 1),
    scored: ({ route, variant, scorer, score, passed, costUsd }) => {
      const labels = [route, variant ?? 'unknown', scorer]
      scores([...labels, passed === null ? 'undetermined' : passed ? 'passed' : 'failed'], 1)
      if (score !== null) scoreValues(labels, score)
      if (costUsd !== null) scoreCost([route], costUsd)
    },
    gauge: (name, help, read) => {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    },
    gauges: (name, help, labelNames, read) => {
      new Gauge({
        name,
        help,
        labelNames,
        registers: [registry],
        collect() {
          this.reset()
          for (const { labels, value } of read())
            this.set(Object.fromEntries(labelNames.map((label, at) => [label, labels[at] ?? ''])), value)
        },
      })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** Seconds. The first three are the boundaries that OpenTelemetry's GenAI metrics advise. */
const durationBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const firstTokenBuckets = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const perTokenBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
const overheadBuckets = [0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 1]
const scoreBuckets = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
