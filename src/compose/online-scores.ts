import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { onlineAssertion } from '../evals/online/online-scorer.ts'
import { createOnlineScoring, type OnlineScoring, type ScoringPlan } from '../evals/online/online-scoring.ts'
import { type ModelSources, scoringModels } from '../evals/scoring-models.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export type OnlineScoresOptions = {
  db: Database
  clock: Clock
  config: () => WeirConfig
  models: ModelSources
  metrics: Pick<Metrics, 'scored' | 'gauge'>
  log: Logger
}

/** Scores a sample of the live answers of the routes that ask for it. */
export const createOnlineScores = ({ db, clock, config, models, metrics, log }: OnlineScoresOptions): OnlineScoring => {
  // Made again only with another configuration: every look asks for the plans.
  let made: { of: WeirConfig; plans: ScoringPlan[] } | undefined
  const plans = (): ScoringPlan[] => {
    const current = config()
    if (made?.of !== current) made = { of: current, plans: plansOf(current, models) }
    return made.plans
  }
  const scoring = createOnlineScoring({
    db,
    clock,
    plans,
    onScore: metrics.scored,
    onPause: (route, why) => log.warn({ route, why }, 'live answers are not scored'),
    onError: (error) => log.warn({ err: error }, 'live answers could not be scored; will try again'),
    tickMs: 2_000,
  })
  metrics.gauge('weir_online_scoring_paused', 'Routes whose live answers are not scored until midnight UTC.', scoring.paused)
  return scoring
}

const plansOf = ({ routes }: WeirConfig, models: ModelSources): ScoringPlan[] =>
  Object.entries(routes).flatMap(([route, { scoring }]): ScoringPlan[] => {
    if (scoring === undefined) return []
    const { sample_percent: samplePercent, max_usd_per_day: maxUsdPerDay, concurrency, scorers, judge, embedder } = scoring
    // The key of a model's host may be missing: then its scorers say nothing.
    const named = {
      judge: judge !== undefined && models.chatModelOf(judge) ? judge : undefined,
      embedder: embedder !== undefined && models.embedderOf(embedder) ? embedder : undefined,
    }
    const scores = scorers.map(onlineAssertion)
    return [{ route, samplePercent, maxUsdPerDay, concurrency, scorers: scores, models: scoringModels(models, named) }]
  })
