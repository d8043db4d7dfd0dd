import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { type CostRow, costReport, groupings } from '../../cost/report.ts'
import type { Database } from '../../db/database.ts'
import type { Env } from '../context.ts'
import { documented } from './documented.ts'

/** `GET /admin/cost?by=…`: what requests cost, summed by organisation, tenant, key, route, variant, model, purpose or day. */
export const costRoutes = ({ db }: { db: Database }): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'get',
    '/',
    {
      tag: 'cost',
      summary: 'What requests cost, summed',
      query,
      response: { description: 'The dearest first; days in order', schema: report },
    },
    async (c, { query: { by, from, to, ...names } }) => {
      const rows = await costReport(db, by, { ...names, fromMs: from, toMs: to })
      return c.json({ object: 'list', by, data: rows.map(rowJson) } satisfies z.input<typeof report>)
    },
  )
  return app
}

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => Date.parse(text))
  .optional()

const query = z.strictObject({
  by: z.enum(groupings),
  from: time,
  to: time,
  organisation: z.string().optional(),
  tenant: z.string().optional(),
  route: z.string().optional(),
  model: z.string().optional(),
})

/** `cost_usd` is null when it is known of no request; `unknown_cost` counts the requests whose cost nobody knows. */
const row = z.object({
  group: z.string().nullable(),
  requests: z.int(),
  cache_hits: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  cached_tokens: z.int(),
  cost_usd: z.number().nullable(),
  unknown_cost: z.int(),
})
const report = z.object({ object: z.literal('list'), by: z.enum(groupings), data: z.array(row) })

const rowJson = (row: CostRow) => ({
  group: row.group,
  requests: row.requests,
  cache_hits: row.cacheHits,
  prompt_tokens: row.promptTokens,
  completion_tokens: row.completionTokens,
  cached_tokens: row.cachedTokens,
  cost_usd: row.costUsd,
  unknown_cost: row.unknownCost,
})
