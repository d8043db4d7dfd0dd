import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { onlineAssertion } from '../evals/online/online-scorer.ts'
import { createOnlineScoring, type OnlineScoring, type ScoringPlan } from '../evals/online/online-scoring.ts'
import { type ModelSources, scoringModels } from '../evals/scoring-models.ts'
import type { Clock } from '../lib/clock.ts'
import { observationHistory } from '../registry/observations.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { hostedAs, manifestHash } from './models.ts'

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
    if (made?.of !== current) made = { of: current, plans: plansOf(db, current, models) }
    return made.plans
  }
  const scoring = createOnlineScoring({
    db,
    clock,
    plans,
    onScore: metrics.scored,
    onJudge: ({ route, scorer, judge, answers, difference, moved }) =>
      log[moved ? 'warn' : 'info'](
        { route, scorer, judge, answers, difference, moved },
        'a judge became another one; its scores of the same answers were compared',
      ),
    onPause: (route, why) => log.warn({ route, why }, 'live answers are not scored'),
    onError: (error) => log.warn({ err: error }, 'live answers could not be scored; will try again'),
    tickMs: 2_000,
  })
  metrics.gauge('weir_online_scoring_paused', 'Routes whose live answers are not scored until midnight UTC.', scoring.paused)
  return scoring
}

/** What the judge is made of and, where its host names the model behind a name, that model. */
const judgeIdentity = async (db: Database, config: WeirConfig, id: string): Promise<string> => {
  const model = config.models[id]
  const manifest = model ? manifestHash(model, config) : id
  const hosted = hostedAs(config, id)
  const [observed] = hosted ? await observationHistory(db, hosted, 1) : []
  return observed ? `${manifest}/${observed.echoed}` : manifest
}

const plansOf = (db: Database, config: WeirConfig, models: ModelSources): ScoringPlan[] =>
  Object.entries(config.routes).flatMap(([route, { scoring }]): ScoringPlan[] => {
    if (scoring === undefined) return []
    const { sample_percent: samplePercent, max_usd_per_day: maxUsdPerDay, concurrency, scorers, judge, embedder } = scoring
    // The key of a model's host may be missing: then its scorers say nothing.
    const named = {
      judge: judge !== undefined && models.chatModelOf(judge) ? judge : undefined,
      embedder: embedder !== undefined && models.embedderOf(embedder) ? embedder : undefined,
    }
    const scores = scorers.map(onlineAssertion)
    const judgeOf = (id: string) => ({ id, identity: () => judgeIdentity(db, config, id) })
    return [
      {
        ...{ route, samplePercent, maxUsdPerDay, concurrency, scorers: scores, models: scoringModels(models, named) },
        judge: named.judge === undefined ? undefined : judgeOf(named.judge),
      },
    ]
  })
