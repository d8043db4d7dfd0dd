import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { LabelMetric, Metrics } from '../../feedback/metric.ts'
import { measurePerformance, type PerformanceFigures } from '../../feedback/performance.ts'
import { AppError } from '../../lib/errors.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'

type PerformanceDeps = { db: Database; metrics: () => Metrics }

/** `GET /admin/routes/{route}/performance`: how right the answers of each variant were, where feedback gave the right label. */
export const performanceRoutes = ({ db, metrics }: PerformanceDeps): Hono<Env> =>
  new Hono<Env>().get('/:route{.+}/performance', async (c) => {
    const { metric: asked, period, from, to, tenant } = parse(query, c.req.query())
    const metric = labelMetric(metrics(), asked)
    const route = c.req.param('route')
    const { variants, overTime, truncated } = await measurePerformance(db, { route, tenant, fromMs: from, toMs: to }, metric, period)
    return c.json({
      object: 'route.performance',
      route,
      metric: metric.name,
      labels: metric.labels,
      positive: metric.positive ?? metric.labels.at(-1) ?? null,
      period,
      truncated,
      variants: variants.map(({ variant, ...figures }) => ({ name: variant, ...figuresJson(figures) })),
      over_time: overTime.map(({ variant, fromMs, ...figures }) => ({
        from: new Date(fromMs).toISOString(),
        name: variant,
        ...figuresJson(figures),
      })),
    })
  })

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
  .transform((text) => Date.parse(text))
  .optional()

const query = z.strictObject({
  /** May be left out when one metric alone is a label. */
  metric: z.string().optional(),
  tenant: z.string().optional(),
  period: z.enum(['hour', 'day', 'week']).default('day'),
  from: time,
  to: time,
})

const labelMetric = (metrics: Metrics, asked: string | undefined): LabelMetric & { name: string } => {
  const all = Object.entries(metrics).flatMap(([name, metric]) => (metric.type === 'label' ? [{ name, ...metric }] : []))
  const found = asked === undefined && all.length === 1 ? all[0] : all.find(({ name }) => name === asked)
  if (found) return found
  const message = asked === undefined ? `name one of the label metrics; there are ${all.length}` : `no label metric is named '${asked}'`
  throw new AppError('invalid_request', message, { param: 'metric' })
}

const figuresJson = ({ n, withoutAnswer, unreadable, decisions, probabilities }: PerformanceFigures) => ({
  n,
  without_answer: withoutAnswer,
  unreadable,
  accuracy: decisions?.accuracy ?? null,
  accuracy_interval: decisions?.accuracyInterval ?? null,
  macro: decisions?.macro ?? null,
  micro: decisions?.micro ?? null,
  classes: decisions?.labels.map((label, index) => ({ label, ...decisions.perClass[index] })) ?? null,
  confusion: decisions?.confusion ?? null,
  probabilities: probabilities && {
    n: probabilities.n,
    roc_auc: probabilities.rocAuc,
    log_loss: probabilities.logLoss,
    brier: probabilities.brier,
    ece: probabilities.ece,
    calibration: probabilities.bins,
  },
})
