import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { createJudge } from '../../evals/judge.ts'
import { type PairedMeasure, reportShadow, type ShadowReport } from '../../evals/shadow-report.ts'
import { AppError } from '../../lib/errors.ts'
import { uuidv7 } from '../../lib/ids.ts'
import type { ChatModel, Usage } from '../../models/chat-model.ts'
import type { Embedder } from '../../models/embedder.ts'
import type { RouteTable } from '../../rollout/route.ts'
import type { Env } from '../context.ts'
import { documented } from './documented.ts'

export type ShadowDeps = {
  db: Database
  routes: () => RouteTable
  /** Without an id, the one that is configured when there is one alone. */
  embedderOf: (id: string | undefined) => Embedder | undefined
  chatModelOf: (id: string) => ChatModel | undefined
  /** US dollars for what a judge read and wrote; null when its price is unknown. */
  costOf: (use: { model: string; usage: Usage; upstreamMs: number }) => number | null
}

/** `POST /admin/shadows/{route}`: what a shadow answered next to what users got. A POST, because a judge costs money. */
export const shadowRoutes = ({ db, routes, embedderOf, chatModelOf, costOf }: ShadowDeps): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'post',
    '/{name}',
    {
      tag: 'routes',
      summary: 'Compare the answers of a shadow with those that users got',
      body: wanted,
      response: {
        description: 'Failures, latency, cost, length, refusals, similarity and a judge’s preference',
        schema: z.object({}).loose(),
      },
    },
    async (c, { path, body }) => {
      const route = routes().get(path('name'))
      if (route === undefined) throw new AppError('not_found', `there is no route '${path('name')}'`)
      const variant = body.variant ?? route.shadow?.variant ?? route.trial?.candidate.name
      if (variant === undefined) {
        throw new AppError('invalid_request', `'${route.name}' has no shadow now: name the variant whose copies to read`, {
          param: 'variant',
        })
      }
      const { signal } = c.req.raw
      const tenant = c.get('principal').tenant
      const embedder = embedderOf(body.embedder)
      if (body.embedder !== undefined && embedder === undefined) {
        throw new AppError('model_not_found', `no embedding model is named '${body.embedder}'`, { param: 'embedder' })
      }
      const { judge: id, pairs, from, to, limit } = body
      let spent: number | null = 0
      const model = id === undefined ? undefined : chatModelOf(id)
      if (id !== undefined && model === undefined) throw new AppError('model_not_found', `no model is named '${id}'`, { param: 'judge' })
      const ask =
        model &&
        createJudge({
          model,
          tenant,
          signal,
          spent: (usage, upstreamMs) => {
            const usd = costOf({ model: id ?? '', usage, upstreamMs })
            spent = usd === null || spent === null ? null : spent + usd
          },
        })
      const report = await reportShadow(db, {
        ...{ route: route.name, variant, fromMs: from, toMs: to, limit },
        embed: embedder && (async (texts) => (await embedder.embed({ texts, tenant, requestId: uuidv7(), signal })).vectors),
        judge: ask && id !== undefined ? { ask, id, pairs, costUsd: () => spent } : undefined,
      })
      return c.json(shadowJson(report))
    },
  )
  return app
}

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
  .transform((text) => Date.parse(text))
  .optional()

const wanted = z.strictObject({
  variant: z.string().optional(),
  from: time,
  to: time,
  /** The newest pairs that are read. */
  limit: z.number().int().min(1).max(10_000).default(1_000),
  embedder: z.string().optional(),
  judge: z.string().optional(),
  /** Pairs that the judge is asked of, twice each. */
  pairs: z.number().int().min(1).max(1_000).default(50),
})

const shadowJson = (report: ShadowReport) => ({
  object: 'route.shadow',
  route: report.route,
  variant: report.variant,
  pairs: report.pairs,
  newest_at: report.newestAtMs === null ? null : new Date(report.newestAtMs).toISOString(),
  failures: report.failures,
  answered: report.answered,
  latency_ms: measureJson(report.latencyMs),
  cost_usd: measureJson(report.costUsd),
  completion_tokens: measureJson(report.completionTokens),
  with_text: report.withText,
  same_text: report.sameText,
  refusals: report.refusals,
  similarity: report.similarity && { n: report.similarity.n, mean: report.similarity.mean, lowest_tenth: report.similarity.low },
  preference: report.preference && {
    judge: report.preference.judge,
    n: report.preference.n,
    shadow: report.preference.shadow,
    live: report.preference.live,
    ties: report.preference.ties,
    undetermined: report.preference.undetermined,
    share: differenceJson(report.preference.share),
    cost_usd: report.preference.costUsd,
  },
})

const measureJson = (measure: PairedMeasure | null) =>
  measure && { n: measure.n, live_median: measure.live, shadow_median: measure.shadow, difference: differenceJson(measure.difference) }

const differenceJson = (difference: PairedMeasure['difference'] | null) =>
  difference && { mean: difference.mean, low: difference.low, high: difference.high, p: difference.p }
