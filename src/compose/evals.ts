import { and, eq } from 'drizzle-orm'
import type { Hono } from 'hono'
import { type AnswerDeps, createAnswer } from '../answer/answer.ts'
import type { Cost } from '../answer/open-trace.ts'
import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { promptVersions } from '../db/schema/prompts.ts'
import { createEvaluations, type Evaluations } from '../evals/evaluations.ts'
import { asJudge, type ModelSources } from '../evals/scoring-models.ts'
import { findPassingRun } from '../evals/store.ts'
import { readStoredCases } from '../evals/stored-cases.ts'
import { datasetRoutes } from '../http/admin/datasets.ts'
import { evalRoutes } from '../http/admin/evals.ts'
import { shadowRoutes } from '../http/admin/shadows.ts'
import type { Env } from '../http/context.ts'
import type { Clock } from '../lib/clock.ts'
import type { FindPassingEvalRun } from '../prompts/labels.ts'
import type { Gate } from '../rollout/actions.ts'
import type { PromptChoice } from '../rollout/route.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Live } from './live-config.ts'
import { createOnlineScores } from './online-scores.ts'

export type EvalsOptions = {
  db: Database
  clock: Clock
  live: () => Live
  /** Of the production path, without limits: a run has a budget of its own, and takes nothing from a tenant's. */
  answering: Omit<AnswerDeps, 'admit'>
  cost: Cost
  promptClosure: (prompt: PromptChoice) => Promise<string>
  /** Resolves when the documents that routes answer from are there. */
  documentsRead: () => Promise<void>
  metrics: Pick<Metrics, 'scored' | 'gauge'>
  log: Logger
}

export type Evals = {
  evaluations: Evaluations
  mounts: Record<string, Hono<Env>>
  /** Begins to score live answers, where routes ask for it. */
  start(): void
  close(): Promise<void>
}

/** Evaluation suites over the routes in force. */
export const createEvals = (options: EvalsOptions): Evals => {
  const { db, clock, live, answering, cost, promptClosure, documentsRead, metrics, log } = options
  const answer = createAnswer({
    ...answering,
    admit: undefined,
    // Scorers read what was retrieved; what is stored is the configuration's to say.
    keepPayload: () => true,
    record: (trace) => answering.record(answering.keepPayload() ? trace : { ...trace, payload: null }),
  })
  const models: ModelSources = {
    chatModelOf: (id) => {
      const model = live().stacks.serve({ model: id, fallback: [] })
      return model && asJudge(id, model, answer, clock)
    },
    embedderOf: (id) => live().models.embedders.get(id),
    classifierOf: (id) => live().models.classifiers.get(id),
    judgeCost: ({ model, usage, upstreamMs }) => cost({ model, upstreamModel: null, usage, upstreamMs, atMs: clock() }),
    folder: 'evals',
  }
  const made = createEvaluations({ db, clock, answer, routes: answering.routes, ...models, promptClosure })
  const evaluations: Evaluations = {
    ...made,
    run: async (wanted) => {
      // The first command of a fresh checkout may be a suite.
      await documentsRead()
      return made.run(wanted)
    },
  }
  const online = createOnlineScores({ db, clock, config: () => live().config, models, metrics, log })
  return {
    evaluations,
    start: online.start,
    close: online.close,
    mounts: {
      '/admin/evals': evalRoutes({
        db,
        evaluations,
        readStored: (source) => readStoredCases(db, source, clock()),
        scoringOf: (route) => live().config.routes[route]?.scoring,
        pausedBy: online.pausedBy,
        clock,
      }),
      '/admin/shadows': shadowRoutes({
        db,
        routes: answering.routes,
        embedderOf: (id) => live().models.embedders.get(id ?? onlyName(live().models.embedders)),
        chatModelOf: models.chatModelOf,
        costOf: models.judgeCost,
      }),
      '/admin/datasets': datasetRoutes({ db, clock }),
    },
  }
}

/** Of several none is the obvious one. */
const onlyName = (models: ReadonlyMap<string, unknown>): string => (models.size === 1 ? [...models.keys()].join() : '')

/** Whether a candidate has passed the suite that its route names. */
export const rolloutGate =
  (db: Database, config: () => WeirConfig): Gate =>
  async (route, variantHash) => {
    const suite = config().routes[route]?.eval_suite
    if (suite === undefined) return { ok: true, reason: 'no suite is named as a gate' }
    const run = await findPassingRun(db, suite, { variantHash })
    if (run) return { ok: true, reason: `run ${run.id} of ${suite} passed` }
    return { ok: false, reason: `the candidate has no passing run of ${suite}: weir eval run ${suite} --variant <candidate> makes one` }
  }

/** The newest passing run of a prompt version: of the suite that its front matter names as `weir.eval_suite`, or of any. */
export const promptGate =
  (db: Database): FindPassingEvalRun =>
  async (name, promptClosure) => {
    const suite = await namedSuite(db, name, promptClosure)
    return (await findPassingRun(db, suite, { promptClosure }))?.id
  }

const namedSuite = async (db: Database, name: string, closureHash: string): Promise<string | undefined> => {
  const [version] = await db
    .select({ frontMatter: promptVersions.frontMatter })
    .from(promptVersions)
    .where(and(eq(promptVersions.promptName, name), eq(promptVersions.closureHash, closureHash)))
    .limit(1)
  return version && suiteNamed(version.frontMatter)
}

/** The suite that a prompt's front matter names. */
export const suiteNamed = (frontMatter: Readonly<Record<string, unknown>>): string | undefined => {
  const suite = frontMatter['weir.eval_suite'] ?? frontMatter['gw.eval_suite']
  return typeof suite === 'string' ? suite : undefined
}
