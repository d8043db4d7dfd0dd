import type { Metrics } from '../feedback/metric.ts'

/** How a candidate is rolled out: settled before it starts, and kept with the rollout. */
export type RolloutPlan = {
  /** Risk of rolling back a candidate that is no worse, over the whole rollout and however often one looks. */
  alpha: number
  steps: readonly RolloutStep[]
  /** What is judged beside failures. */
  metrics: readonly PlannedMetric[]
  /** Largest increase of the share of failing subjects that is let through, such as 0.02. */
  failureMargin: number
  /** Whether the stable variant's model answers where the candidate's fails before its first token. It counts as a failure all the same. */
  rescue: boolean
}

export type RolloutStep = {
  /** `shadow`: copies of live requests; `canary` and `ab`: live subjects, with a control of equal size. */
  mode: 'shadow' | 'canary' | 'ab'
  /** Share of requests that are copied, or of subjects that get the candidate: at most 50, or 100 for all, with nothing left to compare with. */
  weightPercent: number
  minDurationMs: number
  /** After which a step that is neither passed nor failed is inconclusive. */
  maxDurationMs: number
  /** Subjects that each arm needs. */
  minSamples: number
  gate: 'auto' | 'manual'
  onInconclusive: 'hold' | 'rollback'
}

export type PlannedMetric = {
  /** `latency`, `cost`, or a feedback metric. */
  name: string
  /** When it gets worse: roll back, hold, or only say so. */
  role: 'guardrail' | 'signal' | 'report'
  /** `events`: one bad event per subject, counted by e-process. `mean`: means over subjects, by confidence sequence. */
  kind: 'events' | 'mean'
  direction: 'increase' | 'decrease'
  /** `log`: values are logarithms and the margin is a share; `relative`: a share of the control's mean; `absolute`: in the metric's unit. */
  scale: 'log' | 'relative' | 'absolute'
  /** How much worse counts as no worse. Null: anything worse that is shown counts, and being no worse need not be shown. */
  margin: number | null
}

/** What a plan says of metrics, by name; what it does not mention keeps the role that it was declared with. */
export type MetricChoices = Readonly<Record<string, { role: PlannedMetric['role']; margin?: number | undefined }>>

/** Latency and cost, and every feedback metric with numbers. */
export const plannedMetrics = (declared: Metrics, choices: MetricChoices): PlannedMetric[] => {
  const own: PlannedMetric[] = [
    { name: 'latency', role: 'signal', kind: 'mean', direction: 'decrease', scale: 'log', margin: 0.25 },
    { name: 'cost', role: 'report', kind: 'mean', direction: 'decrease', scale: 'relative', margin: 0.1 },
  ]
  const said = Object.entries(declared).flatMap(([name, metric]): PlannedMetric[] => {
    if (metric.type === 'label') return []
    const { direction } = metric
    const role = choices[name]?.role ?? metric.role
    const badEvents = metric.type === 'boolean' || (metric.type === 'event' && direction === 'decrease')
    return [{ name, role, kind: role === 'guardrail' && badEvents ? 'events' : 'mean', direction, scale: 'absolute', margin: null }]
  })
  return [...own, ...said].map((metric) => {
    const choice = choices[metric.name]
    return choice === undefined ? metric : { ...metric, role: choice.role, margin: choice.margin ?? metric.margin }
  })
}

/** What traces tell without anybody's feedback. */
export const ownMetrics: readonly string[] = ['failures', 'latency', 'cost']

/** Whether a step compares the candidate with a control. */
export const compares = (step: RolloutStep): boolean => step.mode === 'shadow' || step.weightPercent <= 50
