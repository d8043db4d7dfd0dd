import { Hono } from 'hono'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { listFeedback, type StoredFeedback } from '../../feedback/list.ts'
import type { Metrics } from '../../feedback/metric.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'

/** `GET /admin/feedback`: what was said, the last stored first. Numbers as the type of their metric now declares. */
export const feedbackListRoutes = ({ db, metrics }: { db: Database; metrics: () => Metrics }): Hono<Env> =>
  new Hono<Env>().get('/', async (c) => {
    const { limit, from, to, inference_id, ...same } = parse(query, c.req.query())
    const rows = await listFeedback(db, { ...same, inferenceId: inference_id, fromMs: from, toMs: to }, limit)
    const next = rows.length === limit ? (rows.at(-1)?.id ?? null) : null
    return c.json({ object: 'list', data: rows.map((row) => rowJson(row, metrics())), next_before: next })
  })

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
  .transform((text) => Date.parse(text))
  .optional()

const query = z.strictObject({
  tenant: z.string().optional(),
  metric: z.string().optional(),
  inference_id: z.guid().optional(),
  subject: z.string().optional(),
  from: time,
  to: time,
  before: z.guid().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
})

const rowJson = (row: StoredFeedback, metrics: Metrics) => ({
  id: row.id,
  tenant: row.tenant,
  metric: row.metric,
  value: toldValue(row, metrics),
  inference_id: row.inferenceId,
  subject: row.subject,
  session: row.session,
  at: new Date(row.atMs).toISOString(),
  received_at: new Date(row.receivedAtMs).toISOString(),
  key_id: row.keyId,
  tags: row.tags,
})

const toldValue = ({ metric, number, content }: StoredFeedback, metrics: Metrics): unknown => {
  if (number === null) return content
  const declared = Object.hasOwn(metrics, metric) ? metrics[metric] : undefined
  return declared?.type === 'boolean' ? number === 1 : number
}
