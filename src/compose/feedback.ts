import type { Hono } from 'hono'
import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { createFeedback } from '../feedback/feedback.ts'
import { experimentRoutes } from '../http/admin/experiments.ts'
import { feedbackListRoutes } from '../http/admin/feedback.ts'
import type { Env } from '../http/context.ts'
import { feedbackRoutes } from '../http/routes/feedback.ts'
import type { Clock } from '../lib/clock.ts'
import type { Experiment } from '../rollout/report.ts'

/** Feedback and what is concluded from it, by the paths they are mounted at. */
export const feedbackMounts = (parts: { db: Database; config: () => WeirConfig; clock: Clock }): Record<string, Hono<Env>> => {
  const { db, config, clock } = parts
  const metrics = () => config().metrics
  const feedback = createFeedback({ db, metrics, clock })
  return {
    '/v1/feedback': feedbackRoutes({ feedback, maxBodyBytes: () => config().defaults.max_body_bytes }),
    '/admin/experiments': experimentRoutes({ db, experiments: () => experimentsOf(config()), metrics }),
    '/admin/feedback': feedbackListRoutes({ db, metrics }),
  }
}

/** The routes whose variants share traffic, in the words of the reports. */
const experimentsOf = (config: WeirConfig): Experiment[] =>
  Object.entries(config.routes).flatMap(([route, { variants, experiment }]) => {
    const [first, second] = variants
    if (!first || !second) return []
    return {
      route,
      variants: variants.map(({ name, weight_percent }) => ({ name, weightPercent: weight_percent })),
      control: experiment?.control ?? first.name,
      primaryMetric: experiment?.primary_metric,
      horizonSubjects: experiment?.horizon_subjects,
    }
  })
