/** What feedback may say, as declared under `metrics` in the configuration, by name. */
export type Metrics = Readonly<Record<string, Metric>>

export type Metric = NumberMetric | LabelMetric

export type NumberMetric = {
  /** `event`: something that happened, such as a purchase, with an optional value. */
  type: 'boolean' | 'float' | 'event'
  /** Which way is better. */
  direction: 'increase' | 'decrease'
  /** What one value is about: an answer, or everything of a subject. */
  level: 'inference' | 'subject'
  /** What a rollout does when the metric gets worse: roll back, hold, or only say so. */
  role: 'guardrail' | 'signal' | 'report'
  /** How several values of one answer or subject become one. */
  aggregation: Aggregation
  /** Bounds of what a client may send. */
  minimum?: number | undefined
  maximum?: number | undefined
  /** Said by a scorer of live answers, and by nobody else: its score, or for a boolean whether the answer passed. */
  source?: 'feedback' | 'online_score' | undefined
  scorer?: string | undefined
}

/** The right answer of a classification; the one given is read from the trace. */
export type LabelMetric = {
  type: 'label'
  labels: readonly string[]
  /** The class that scores and two-class figures speak of; the last label when absent. */
  positive?: string | undefined
}

export const aggregations = {
  boolean: ['last', 'first', 'any'],
  float: ['last', 'first', 'mean', 'sum', 'min', 'max'],
  event: ['count', 'sum', 'any'],
} as const

export type Aggregation = (typeof aggregations)[keyof typeof aggregations][number]

/** Who buys nothing has bought 0, but who rates nothing has not rated 0: only these take silence for zero, the others leave it out. */
export const countsSilence = (aggregation: Aggregation): boolean =>
  aggregation === 'sum' || aggregation === 'count' || aggregation === 'any'

/** Metrics that every server has: what somebody wrote about an answer, and the answer they would have wanted. */
export const builtInMetrics: ReadonlySet<string> = new Set(['comment', 'demonstration'])
