import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { LabelMetric } from '../feedback/metric.ts'
import { labelledAnswers } from '../feedback/performance.ts'
import { readPrediction } from '../feedback/prediction.ts'
import { estimatePerformance, type LabelledScore, type PerformanceEstimate } from './cbpe.ts'
import type { Finding } from './detector.ts'
import type { Stretch } from './distribution.ts'

/** What the accuracy of a window is estimated to be before anybody has labelled it, by a label metric of two classes. */
export type EstimatedAccuracy = {
  metric: string
  /** Labelled answers of the reference, and answers of the window, that gave probabilities. */
  labelled: number
  answers: number
  found: PerformanceEstimate | Extract<Finding, { outcome: 'not-enough-data' }>
}

/** Undefined for metrics of more than two classes, and for routes whose answers give no probabilities. */
export const estimateAccuracy = async (
  db: Database,
  reference: Stretch,
  window: Stretch,
  metric: LabelMetric & { name: string },
): Promise<EstimatedAccuracy | undefined> => {
  const { name, labels, positive = labels.at(-1) ?? '' } = metric
  if (labels.length !== 2) return undefined
  const scoreOf = (answer: string | null) => (answer === null ? undefined : readPrediction(labels, answer)?.probabilities?.[positive])
  const labelled = (await labelledAnswers(db, reference, metric)).flatMap(({ truth, answer }): LabelledScore[] => {
    const score = scoreOf(answer)
    return score === undefined ? [] : [{ score, positive: truth === positive }]
  })
  const scores = (await answersOf(db, window)).flatMap(({ answer }) => scoreOf(answer) ?? [])
  if (labelled.length === 0 && scores.length === 0) return undefined
  return { metric: name, labelled: labelled.length, answers: scores.length, found: estimatePerformance(labelled, scores) }
}

const answersOf = (db: Database, within: Stretch) =>
  db.execute<{ answer: string | null }>(sql`
    select p.payload->'output'->0->>'text' as answer from traces t join trace_payloads p on p.id = t.id
    where ${of(within)} and t.status = 'ok' order by t.started_at desc, t.id desc limit ${mostAnswers}`)

const of = ({
  route,
  variantHash,
  fromMs,
  toMs,
}: Stretch) => sql`t.route = ${route} and t.purpose = 'live' and t.variant_hash = ${variantHash}
  and t.started_at >= ${new Date(fromMs).toISOString()}::timestamptz and t.started_at < ${new Date(toMs).toISOString()}::timestamptz`

const mostAnswers = 2_000
