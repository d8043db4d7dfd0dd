import type { Hono } from 'hono'
import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { createFeedback } from '../feedback/feedback.ts'
import { experimentRoutes } from '../http/admin/experiments.ts'
import { feedbackListRoutes } from '../http/admin/feedback.ts'
import type { Env } from '../http/context.ts'
import { feedbackRoutes } from '../http/routes/feedback.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { isOver } from '../rollout/decide.ts'
import type { Experiment } from '../rollout/report.ts'
import type { RouteTable } from '../rollout/route.ts'
import { eventsOf, findRollout } from '../rollout/store.ts'

type Parts = {
  db: Database
  config: () => WeirConfig
  /** In force: what rollouts made of the weights counts. */
  routes: () => RouteTable
  clock: Clock
}

/** Feedback and what is concluded from it, by the paths they are mounted at. */
export const feedbackMounts = ({ db, config, routes, clock }: Parts): Record<string, Hono<Env>> => {
  const metrics = () => config().metrics
  const feedback = createFeedback({ db, metrics, clock })
  return {
    '/v1/feedback': feedbackRoutes({ feedback, maxBodyBytes: () => config().defaults.max_body_bytes }),
    '/admin/experiments': experimentRoutes({
      db,
      experiments: () => experimentsOf(config(), routes()),
      metrics,
      ofRollout: (experiment, id) => ofRollout(db, experiment, id ?? routes().get(experiment.route)?.trial?.seed),
    }),
    '/admin/feedback': feedbackListRoutes({ db, metrics }),
  }
}

/** The routes whose variants share traffic, in the words of the reports. */
const experimentsOf = (config: WeirConfig, routes: RouteTable): Experiment[] =>
  Object.entries(config.routes).flatMap(([route, { experiment }]) => {
    const variants = routes.get(route)?.variants ?? []
    const [first, second] = variants
    if (!first || !second) return []
    return {
      route,
      variants: variants.map(({ name, weightPercent }) => ({ name, weightPercent })),
      control: experiment?.control ?? first.name,
      primaryMetric: experiment?.primary_metric,
      horizonSubjects: experiment?.horizon_subjects,
      movingWeights: routes.get(route)?.adaptive !== undefined,
    }
  })

const ofRollout = async (db: Database, experiment: Experiment, id: string | undefined): Promise<Experiment | undefined> => {
  if (id === undefined) return undefined
  const rollout = await findRollout(db, id)
  if (rollout.route !== experiment.route)
    throw new AppError('not_found', `'${experiment.route}' has no rollout ${id}`, { param: 'rollout' })
  const last = isOver(rollout.status) ? (await eventsOf(db, rollout.id)).at(-1) : undefined
  const { candidate, stable } = rollout
  return {
    ...experiment,
    variants: [
      { name: 'control', weightPercent: 50 },
      { name: 'candidate', weightPercent: 50 },
    ],
    control: 'control',
    rollout: { id: rollout.id, candidate, stable, fromMs: rollout.createdAtMs, toMs: last?.atMs },
  }
}
