import type { Database } from '../db/database.ts'
import { countExposures, countFeedback, metricByVariant } from '../feedback/evidence.ts'
import type { Metrics, NumberMetric } from '../feedback/metric.ts'
import { AppError } from '../lib/errors.ts'
import { type MetricReading, readMetric, readSplit, type Split } from './experiment.ts'

/** A route whose variants share its traffic, and how it is to be read. */
export type Experiment = {
  route: string
  variants: readonly { name: string; weightPercent: number }[]
  control: string
  primaryMetric: string | undefined
  horizonSubjects: number | undefined
  /** Weights that moved while it ran: then no split can be expected, and none is tested. */
  movingWeights?: boolean | undefined
  /** The two sides of a rollout stand in the place of variants: `candidate` and `control`. */
  rollout?: { id: string; candidate: string; stable: string; fromMs: number; toMs: number | undefined } | undefined
}

/** Milliseconds since the epoch; requests from `fromMs`, inclusive, to `toMs`, exclusive. `preFromMs` opens the period before `fromMs`. */
export type ReportOptions = {
  metric?: string | undefined
  tenant?: string | undefined
  fromMs?: number | undefined
  toMs?: number | undefined
  preFromMs?: number | undefined
  alpha: number
}

export type ExperimentReport = {
  experiment: Experiment
  options: ReportOptions
  variants: { variant: string; weightPercent: number; subjects: number; requests: number }[]
  /** Subjects of variants that the route no longer has, and of several variants at once: in no figure. */
  leftOut: { ofOtherVariants: number; ofSeveralVariants: number }
  split: Split | null
  metrics: (MetricReading & NumberMetric & { name: string; primary: boolean; unmatched: number })[]
  conclusion: string
}

/** What an experiment shows so far. Throws `invalid_request` for a metric that is unknown or has no numbers, or a period that is none. */
export const reportExperiment = async (
  db: Database,
  experiment: Experiment,
  declared: Metrics,
  options: ReportOptions,
): Promise<ExperimentReport> => {
  refusePeriod(options)
  const { rollout } = experiment
  const window = {
    route: experiment.route,
    ...options,
    ...(rollout ? { by: 'arm' as const, fromMs: options.fromMs ?? rollout.fromMs, toMs: options.toMs ?? rollout.toMs } : {}),
  }
  const exposure = await countExposures(db, window)
  const variants = experiment.variants.map(({ name, weightPercent }) => {
    const { subjects = 0, requests = 0 } = exposure.variants.find((seen) => seen.variant === name) ?? {}
    return { variant: name, weightPercent, subjects, requests }
  })
  const split = experiment.movingWeights && rollout === undefined ? null : readSplit(variants)
  const metrics: ExperimentReport['metrics'] = []
  for (const metric of chosen(experiment, declared, options.metric)) {
    const values = await metricByVariant(db, window, metric, options.preFromMs)
    const arms = variants.map((variant) => ({
      ...variant,
      values: values.find((one) => one.variant === variant.variant) ?? { n: 0, mean: 0, variance: 0, binary: false, pre: null },
    }))
    const { total, unmatched } = await countFeedback(db, metric, options.tenant)
    // Where silence counts as zero, a metric that was never sent would read as a firm zero.
    const heard = total > 0 ? arms : arms.map((arm) => ({ ...arm, values: { ...arm.values, n: 0 } }))
    const reading = readMetric(heard, {
      control: experiment.control,
      direction: metric.direction,
      alpha: options.alpha,
      horizonSubjects: experiment.horizonSubjects,
      split,
    })
    metrics.push({ ...metric, ...reading, primary: metric.name === experiment.primaryMetric, unmatched })
  }
  return {
    experiment,
    options,
    variants,
    leftOut: {
      ofOtherVariants: exposure.variants.reduce((sum, { variant, subjects }) => sum + (isArm(experiment, variant) ? 0 : subjects), 0),
      ofSeveralVariants: exposure.inSeveralVariants,
    },
    split,
    metrics,
    conclusion: conclusionOf(metrics),
  }
}

const refusePeriod = ({ fromMs, toMs, preFromMs }: ReportOptions): void => {
  if (fromMs !== undefined && toMs !== undefined && toMs <= fromMs) {
    throw new AppError('invalid_request', 'to must come after from', { param: 'to' })
  }
  if (preFromMs === undefined) return
  if (fromMs === undefined)
    throw new AppError('invalid_request', 'a period before needs to know where it ends: give from', { param: 'from' })
  if (preFromMs >= fromMs) throw new AppError('invalid_request', 'pre_from must come before from', { param: 'pre_from' })
}

/** The one asked for, or every metric with numbers, the primary one first. */
const chosen = ({ primaryMetric }: Experiment, declared: Metrics, asked: string | undefined): (NumberMetric & { name: string })[] => {
  const all = Object.entries(declared).flatMap(([name, metric]) => (metric.type === 'label' ? [] : [{ name, ...metric }]))
  if (asked === undefined) return all.toSorted((left, right) => Number(right.name === primaryMetric) - Number(left.name === primaryMetric))
  const found = all.find((metric) => metric.name === asked)
  if (found === undefined) throw new AppError('invalid_request', `no metric with numbers is named '${asked}'`, { param: 'metric' })
  return [found]
}

const isArm = ({ variants }: Experiment, variant: string): boolean => variants.some(({ name }) => name === variant)

const conclusionOf = (metrics: ExperimentReport['metrics']): string => {
  if (metrics.length === 0) return 'No metric is declared. Nothing can be concluded.'
  const primary = metrics.find((metric) => metric.primary)
  if (!primary) return 'No primary metric is declared: with several metrics, one of them differs by chance sooner or later.'
  return primary.arms.flatMap(({ variant, verdict }) => (verdict ? [`${variant}: ${verdict.text}`] : [])).join(' ')
}
