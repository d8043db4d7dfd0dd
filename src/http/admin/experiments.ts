import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { Metrics } from '../../feedback/metric.ts'
import { AppError } from '../../lib/errors.ts'
import type { ArmReading } from '../../rollout/experiment.ts'
import { type Experiment, type ExperimentReport, reportExperiment } from '../../rollout/report.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'
import { experimentPage } from './experiment-page.ts'

type ExperimentDeps = {
  db: Database
  experiments: () => readonly Experiment[]
  metrics: () => Metrics
  /** The two sides of the rollout named, or of the one that compares live subjects now; undefined when there is none. Throws `not_found`. */
  ofRollout?: ((experiment: Experiment, rollout: string | undefined) => Promise<Experiment | undefined>) | undefined
}

/** `GET /admin/experiments`: routes with several variants; `/admin/experiments/{route}`: what one shows, as JSON or a page. */
export const experimentRoutes = ({ db, experiments, metrics, ofRollout }: ExperimentDeps): Hono<Env> =>
  new Hono<Env>()
    .get('/', (c) => c.json({ object: 'list', data: experiments().map(experimentJson) }))
    .get('/:route{.+}', async (c) => {
      const { format, from, to, pre_from, rollout, ...same } = parse(query, c.req.query())
      const name = c.req.param('route')
      const declared = experiments().find(({ route }) => route === name)
      if (!declared) throw new AppError('not_found', `'${name}' is not a route with several variants`)
      const experiment = (await ofRollout?.(declared, rollout)) ?? declared
      const report = await reportExperiment(db, experiment, metrics(), { ...same, fromMs: from, toMs: to, preFromMs: pre_from })
      return format === 'html' ? c.html(experimentPage(report)) : c.json(reportJson(report))
    })

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
  .transform((text) => Date.parse(text))
  .optional()

const query = z.strictObject({
  metric: z.string().optional(),
  tenant: z.string().optional(),
  from: time,
  to: time,
  /** Start of the period before `from` whose values CUPED takes out. */
  pre_from: time,
  alpha: z.coerce.number().min(0.0001).max(0.5).default(0.05),
  format: z.enum(['json', 'html']).default('json'),
  /** Id of a rollout of the route, whose two sides are compared in place of the variants. */
  rollout: z.string().optional(),
})

const experimentJson = ({ route, variants, control, primaryMetric, horizonSubjects, rollout }: Experiment) => ({
  route,
  variants: variants.map(({ name, weightPercent }) => ({ name, weight_percent: weightPercent })),
  control,
  primary_metric: primaryMetric ?? null,
  horizon_subjects: horizonSubjects ?? null,
  rollout: rollout ? { id: rollout.id, candidate: rollout.candidate, stable: rollout.stable } : null,
})

const reportJson = ({ experiment, options, variants, leftOut, split, metrics, conclusion }: ExperimentReport) => ({
  object: 'experiment.report',
  ...experimentJson(experiment),
  alpha: options.alpha,
  from: iso(options.fromMs),
  to: iso(options.toMs),
  pre_from: iso(options.preFromMs),
  variants: variants.map(({ variant, weightPercent, subjects, requests }) => ({
    name: variant,
    weight_percent: weightPercent,
    subjects,
    requests,
  })),
  left_out: { of_other_variants: leftOut.ofOtherVariants, of_several_variants: leftOut.ofSeveralVariants },
  split: split && { p: split.p, bayes_factor: split.bayesFactor, mismatch: split.mismatch },
  metrics: metrics.map(({ name, type, direction, role, level, aggregation, primary, unmatched, basis, theta, arms }) => ({
    ...{ name, type, direction, role, level, aggregation, primary, unmatched, basis },
    cuped_theta: theta,
    variants: arms.map(armJson),
  })),
  conclusion,
})

const armJson = ({ variant, n, silent, mean, interval, effect, verdict }: ArmReading) => ({
  ...{ name: variant, n, silent, mean, interval },
  effect: effect && {
    test: effect.test,
    difference: effect.difference,
    interval: effect.interval,
    p: effect.p,
    adjusted_p: effect.adjustedP,
    lift: effect.lift && {
      value: effect.lift.value,
      interval: effect.lift.interval,
      always_valid_interval: effect.lift.alwaysValidInterval,
    },
    always_valid: effect.alwaysValid,
    minimum_detectable: effect.minimumDetectable,
  },
  verdict,
})

const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())

export type ExperimentReportJson = ReturnType<typeof reportJson>
