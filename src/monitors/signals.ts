import { sql } from 'drizzle-orm'
import { detect } from 'tinyld'
import type { Metrics } from '../feedback/metric.ts'
import { looksLikeRefusal } from '../lib/refusal.ts'
import { answeredText, askedText, firstChoice, labelScores, passageScores } from './payload-texts.ts'
import type { SampledTrace, Signal } from './signal.ts'

/** Change it when a signal of an old name means something else: references of another version are not compared with. */
export const signalsVersion = 1

/** Times move a little with whatever else a machine does: a quarter of their own spread is worth a look. */
const performance = { effectFloor: 0.25, log: true } as const

/** Every signal that any route may have. Those of which a route has no values are left out of its windows. */
export const signals: readonly Signal[] = [
  // What users ask, and what was found for it.
  {
    name: 'prompt_tokens',
    kind: 'numeric',
    tag: 'data',
    detector: 'ks',
    read: sampled(({ promptTokens, cache }) => unlessHit(cache, promptTokens)),
  },
  {
    name: 'prompt_length',
    kind: 'numeric',
    tag: 'data',
    detector: 'ks',
    read: sampled(({ payload }) => askedText(payload)?.length ?? null),
  },
  {
    name: 'language',
    kind: 'categorical',
    tag: 'data',
    detector: 'chi-square',
    read: sampled(({ payload }) => languageOf(askedText(payload))),
  },
  { name: 'prompt_embedding', kind: 'vector', tag: 'data', detector: 'mmd', read: { from: 'embedding' } },
  {
    name: 'retrieval_score',
    kind: 'numeric',
    tag: 'data',
    detector: 'ks',
    worse: 'lower',
    read: sampled(({ payload }) => passageScores(payload)?.[0] ?? null),
  },
  {
    name: 'retrieval_empty',
    kind: 'rate',
    tag: 'data',
    detector: 'two-proportion',
    worse: 'higher',
    read: sampled(({ payload }) => isEmpty(passageScores(payload))),
  },

  // How answers are.
  {
    name: 'completion_tokens',
    kind: 'numeric',
    tag: 'quality',
    detector: 'ks',
    read: sampled(({ completionTokens, endpoint }) => (endpoint === 'chat' || endpoint === 'completion' ? completionTokens : null)),
  },
  {
    name: 'cited',
    kind: 'rate',
    tag: 'quality',
    detector: 'two-proportion',
    worse: 'lower',
    read: sampled(({ payload }) => cites(payload)),
  },
  { name: 'refused', kind: 'rate', tag: 'quality', detector: 'two-proportion', worse: 'higher', read: sampled(refuses) },
  { name: 'tool_use', kind: 'rate', tag: 'quality', detector: 'two-proportion', read: sampled(({ payload }) => usesTools(payload)) },
  {
    name: 'confidence',
    kind: 'numeric',
    tag: 'quality',
    detector: 'ks',
    read: sampled(({ payload }) => labelScores(payload)[0]?.score ?? null),
  },
  {
    name: 'predicted_label',
    kind: 'categorical',
    tag: 'quality',
    detector: 'chi-square',
    read: sampled(({ payload }) => labelScores(payload)[0]?.label ?? null),
  },
  {
    name: 'finish_reason',
    kind: 'categorical',
    tag: 'quality',
    detector: 'chi-square',
    read: { from: 'trace', value: sql`t.finish_reason` },
  },
  {
    name: 'blocked',
    kind: 'rate',
    tag: 'quality',
    detector: 'two-proportion',
    worse: 'higher',
    read: {
      from: 'trace',
      value: sql`case when t.guardrails is not null then case when t.guardrails @> '[{"outcome": "block"}]' then 'yes' else 'no' end end`,
    },
  },

  // What they take.
  {
    name: 'latency',
    kind: 'numeric',
    tag: 'performance',
    detector: 'wasserstein-log',
    ...performance,
    worse: 'higher',
    read: sampled(({ latencyMs, status, cache }) => (status === 'ok' ? unlessHit(cache, latencyMs) : null)),
  },
  {
    name: 'first_token',
    kind: 'numeric',
    tag: 'performance',
    detector: 'wasserstein-log',
    ...performance,
    worse: 'higher',
    read: sampled(({ firstTokenMs, cache }) => unlessHit(cache, firstTokenMs)),
  },
  {
    name: 'cost',
    kind: 'numeric',
    tag: 'performance',
    detector: 'wasserstein-log',
    ...performance,
    worse: 'higher',
    read: sampled(({ costUsd, cache }) => unlessHit(cache, costUsd)),
  },
  {
    name: 'cache_hit',
    kind: 'rate',
    tag: 'performance',
    detector: 'two-proportion',
    worse: 'lower',
    read: { from: 'trace', value: sql`case when t.cache in ('hit', 'stale') then 'yes' when t.cache = 'miss' then 'no' end` },
  },
  // Who hung up did not fail.
  {
    name: 'failed',
    kind: 'rate',
    tag: 'performance',
    detector: 'two-proportion',
    worse: 'higher',
    read: { from: 'trace', value: sql`case t.status when 'error' then 'yes' when 'ok' then 'no' end` },
  },
  {
    name: 'fell_back',
    kind: 'rate',
    tag: 'performance',
    detector: 'two-proportion',
    worse: 'higher',
    read: { from: 'trace', value: sql`case when cardinality(t.fell_back_from) > 0 then 'yes' else 'no' end` },
  },
  {
    name: 'upstream_model',
    kind: 'categorical',
    tag: 'performance',
    detector: 'chi-square',
    read: { from: 'trace', value: sql`t.upstream_model` },
  },
]

/** What people say of answers, and how right answers are where the right ones are known. Metrics of subjects speak of no single variant. */
const feedbackSignals = (metrics: Metrics): Signal[] =>
  Object.entries(metrics).flatMap(([metric, declared]): Signal[] => {
    if (declared.type === 'label') {
      const read = { from: 'feedback', metric, labels: declared.labels } as const
      return [{ name: `accuracy:${metric}`, kind: 'rate', tag: 'quality', detector: 'two-proportion', worse: 'lower', read }]
    }
    // Scores are followed as they are, whether or not a metric is made of them.
    if (declared.level !== 'inference' || declared.source === 'online_score') return []
    const worse = declared.direction === 'increase' ? 'lower' : 'higher'
    const numeric = declared.type !== 'boolean'
    const how = numeric ? ({ kind: 'numeric', detector: 'ks' } as const) : ({ kind: 'rate', detector: 'two-proportion' } as const)
    return [{ name: `feedback:${metric}`, ...how, tag: 'quality', worse, read: { from: 'feedback', metric } }]
  })

/** What scorers of live answers, such as a judge, make of them. */
const scoreSignals = (scorers: readonly string[]): Signal[] =>
  scorers.map((scorer) => ({
    name: `score:${scorer}`,
    kind: 'numeric',
    tag: 'quality',
    detector: 'ks',
    worse: 'lower',
    read: { from: 'score', scorer },
  }))

/** All that a server follows, by what it is told of answers. */
export const signalsOf = ({ metrics, scorers }: { metrics: Metrics; scorers: readonly string[] }): Signal[] => [
  ...signals,
  ...feedbackSignals(metrics),
  ...scoreSignals(scorers),
]

function sampled(value: (trace: SampledTrace) => number | string | boolean | null): Signal['read'] {
  return { from: 'sample', value }
}

/** What comes from the cache takes nothing. */
const unlessHit = (cache: string | null, value: number | null): number | null => (cache === 'hit' || cache === 'stale' ? null : value)

/** ISO 639-1; the beginning of a text tells. */
const languageOf = (text: string | null): string | null => (text === null ? null : detect(text.slice(0, 300)) || 'unknown')

const isEmpty = (scores: number[] | null): boolean | null => (scores === null ? null : scores.length === 0)

/** Of answers that had passages to cite. */
const cites = (payload: SampledTrace['payload']): boolean | null => {
  const text = answeredText(payload)
  if (text === null || (passageScores(payload)?.length ?? 0) === 0) return null
  return /\[\d+\]/.test(text)
}

function refuses({ payload, status }: SampledTrace): boolean | null {
  const choice = firstChoice(payload)
  const text = answeredText(payload)
  if (choice === null || text === null || status !== 'ok') return null
  if (typeof choice.refusal === 'string' && choice.refusal !== '') return true
  return usesTools(payload) ? false : looksLikeRefusal(text)
}

const usesTools = (payload: SampledTrace['payload']): boolean | null => {
  const choice = firstChoice(payload)
  const offered = (payload?.input as { tools?: unknown } | undefined)?.tools
  if (choice === null || !Array.isArray(offered) || offered.length === 0) return null
  return Array.isArray(choice.toolCalls) && choice.toolCalls.length > 0
}
