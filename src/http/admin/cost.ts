import { Hono } from 'hono'
import { z } from 'zod'
import { type CostRow, costReport, groupings } from '../../cost/report.ts'
import type { Database } from '../../db/database.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'

/** `GET /admin/cost?by=…`: what requests cost, summed by tenant, key, route, variant, model or day. */
export const costRoutes = ({ db }: { db: Database }): Hono<Env> =>
  new Hono<Env>().get('/', async (c) => {
    const { by, from, to, ...names } = parse(query, c.req.query())
    const rows = await costReport(db, by, { ...names, fromMs: from, toMs: to })
    return c.json({ object: 'list', by, data: rows.map(rowJson) })
  })

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => Date.parse(text))
  .optional()

const query = z.strictObject({
  by: z.enum(groupings),
  from: time,
  to: time,
  tenant: z.string().optional(),
  route: z.string().optional(),
  model: z.string().optional(),
})

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

export type CostRowJson = ReturnType<typeof rowJson>
