import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import {
  brier,
  type CalibrationBin,
  type Classification,
  calibration,
  classify,
  type Forecast,
  logLoss,
  macroRocAuc,
  rocAuc,
} from '../lib/stats/classification.ts'
import { type Interval, wilson } from '../lib/stats/proportions.ts'
import type { Window } from './evidence.ts'
import type { LabelMetric } from './metric.ts'
import { type Prediction, readPrediction } from './prediction.ts'

export type Performance = {
  variants: ({ variant: string } & PerformanceFigures)[]
  /** The same by the time of the request; periods without a label are not listed. */
  overTime: ({ variant: string; fromMs: number } & PerformanceFigures)[]
  /** There are more labels than were read; these are the newest. */
  truncated: boolean
}

export type PerformanceFigures = {
  /** Labelled answers that could be read, or were wrong because they name no label. */
  n: number
  /** Labelled answers that are no longer stored, or never were: in no figure. */
  withoutAnswer: number
  /** Answers that name no label. They count as wrong. */
  unreadable: number
  /** Null without answers. */
  decisions: (Classification & { accuracyInterval: Interval }) | null
  /** Over the answers that gave probabilities; null when none did. */
  probabilities: { n: number; rocAuc: number | null; logLoss: number; brier: number; ece: number; bins: CalibrationBin[] } | null
}

export type Period = 'hour' | 'day' | 'week'

/** How right the labelled answers of a route were. The newest label of an answer is its truth. */
export const measurePerformance = async (
  db: Database,
  window: Window,
  metric: LabelMetric & { name: string },
  period: Period,
): Promise<Performance> => {
  const found = await labelledAnswers(db, window, metric)
  const answers = found.slice(0, mostAnswers).map(({ answer, ...rest }) => ({ ...rest, prediction: read(metric.labels, answer) }))
  const figures = (own: Labelled[]) => figuresOf(metric, own)
  return {
    variants: grouped(answers, ({ variant }) => variant).map((own) => ({ variant: own[0].variant, ...figures(own) })),
    overTime: grouped(answers, ({ variant, startedAtMs }) => `${periodStart(startedAtMs, period)} ${variant}`).map((own) => ({
      fromMs: periodStart(own[0].startedAtMs, period),
      variant: own[0].variant,
      ...figures(own),
    })),
    truncated: found.length > mostAnswers,
  }
}

type Labelled = { variant: string; startedAtMs: number; truth: string; prediction: Prediction | 'unreadable' | 'missing' }

const read = (labels: readonly string[], answer: string | null): Labelled['prediction'] =>
  answer === null ? 'missing' : (readPrediction(labels, answer) ?? 'unreadable')

/** Answers of a route whose right label somebody gave, newest first; the newest label of an answer is its truth. */
export const labelledAnswers = async (
  db: Database,
  { route, tenant, variantHash, fromMs, toMs }: Window & { variantHash?: string | undefined },
  { name, labels }: LabelMetric & { name: string },
) => {
  const iso = (ms: number) => new Date(ms).toISOString()
  const rows = await db.execute<{ variant: string; started_at: string; truth: string; answer: string | null }>(sql`
    select t.variant, t.started_at, said.truth, p.payload->'output'->0->>'text' as answer
    from (
      select tenant, inference_id, (array_agg(content #>> '{}' order by at desc, id desc))[1] as truth
      from feedback where metric = ${name} group by 1, 2
    ) as said
    join traces t on t.id = said.inference_id and t.tenant = said.tenant left join trace_payloads p on p.id = t.id
    where t.route = ${route} and t.purpose = 'live' and t.variant is not null and ${tenant === undefined ? sql`true` : sql`t.tenant = ${tenant}`}
      and ${variantHash === undefined ? sql`true` : sql`t.variant_hash = ${variantHash}`}
      and ${fromMs === undefined ? sql`true` : sql`t.started_at >= ${iso(fromMs)}::timestamptz`}
      and ${toMs === undefined ? sql`true` : sql`t.started_at < ${iso(toMs)}::timestamptz`}
    order by t.started_at desc, t.id desc limit ${mostAnswers + 1}`)
  return rows.filter((row) => labels.includes(row.truth)).map(({ started_at, ...row }) => ({ ...row, startedAtMs: Date.parse(started_at) }))
}

const figuresOf = ({ labels, positive }: LabelMetric, answers: readonly Labelled[]): PerformanceFigures => {
  const decided = answers.flatMap(({ truth, prediction }) => {
    if (prediction === 'missing') return []
    return { truth, predicted: prediction === 'unreadable' ? null : prediction.label }
  })
  const forecasts = answers.flatMap(({ truth, prediction }): Forecast[] =>
    typeof prediction === 'object' && prediction.probabilities ? [{ truth, probabilities: prediction.probabilities }] : [],
  )
  const decisions = classify(labels, decided)
  const hits = Math.round(decisions.accuracy * decided.length)
  const positiveLabel = positive ?? labels.at(-1) ?? ''
  return {
    n: decided.length,
    withoutAnswer: answers.length - decided.length,
    unreadable: decided.filter((one) => one.predicted === null).length,
    decisions: decided.length === 0 ? null : { ...decisions, accuracyInterval: wilson({ successes: hits, trials: decided.length }) },
    probabilities:
      forecasts.length === 0
        ? null
        : {
            n: forecasts.length,
            rocAuc:
              labels.length === 2
                ? rocAuc(forecasts.map((one) => ({ positive: one.truth === positiveLabel, score: one.probabilities[positiveLabel] ?? 0 })))
                : macroRocAuc(labels, forecasts),
            logLoss: logLoss(forecasts),
            brier: brier(labels, forecasts),
            ...calibration(labels, forecasts),
          },
  }
}

/** Groups in the order of their keys. */
const grouped = (answers: readonly Labelled[], keyOf: (answer: Labelled) => string): [Labelled, ...Labelled[]][] => {
  const groups = new Map<string, [Labelled, ...Labelled[]]>()
  for (const answer of answers) {
    const group = groups.get(keyOf(answer))
    if (group) group.push(answer)
    else groups.set(keyOf(answer), [answer])
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group)
}

/** UTC; weeks begin on Monday, and the epoch was a Thursday. */
const periodStart = (ms: number, period: Period): number => {
  const offset = period === 'week' ? -3 * dayMs : 0
  const length = { hour: 3_600_000, day: dayMs, week: 7 * dayMs }[period]
  return Math.floor((ms - offset) / length) * length + offset
}

const dayMs = 86_400_000
const mostAnswers = 50_000
