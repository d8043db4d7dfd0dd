import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { type AuditPage, listAuditEvents } from '../../db/audit.ts'
import type { Database } from '../../db/database.ts'
import type { Env } from '../context.ts'
import { documented } from './documented.ts'

/** `GET /admin/audit`: who did what to what, and why, newest first. The log is append-only: there is no other method. */
export const auditRoutes = ({ db }: { db: Database }): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'get',
    '/',
    { tag: 'audit', summary: 'Admin actions', query, response: { description: 'The newest first', schema: list } },
    async (c, { query: { limit, after, from, to, ...filter } }) => {
      const page = await listAuditEvents(db, { ...filter, fromMs: from, toMs: to }, { limit, after })
      const body: z.input<typeof list> = { object: 'list', data: page.events.map(eventJson), next_cursor: page.nextCursor }
      return c.json(body)
    },
  )
  return app
}

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => Date.parse(text))
  .optional()

const query = z.strictObject({
  /** Found anywhere in the actor. */
  actor: z.string().optional(),
  /** An action, or its noun: `key` for `key.create` and `key.revoke`. */
  action: z.string().optional(),
  /** A target, or its kind. */
  target: z.string().optional(),
  from: time,
  to: time,
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  after: z.string().optional(),
})

const event = z.object({
  id: z.string(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  before_hash: z.string().nullable(),
  after_hash: z.string().nullable(),
  reason: z.string().nullable(),
})
const list = z.object({ object: z.literal('list'), data: z.array(event), next_cursor: z.string().nullable() })

const eventJson = (row: AuditPage['events'][number]): z.input<typeof event> => ({
  id: row.id,
  at: new Date(row.atMs).toISOString(),
  actor: row.actor,
  action: row.action,
  target: row.target,
  before_hash: row.beforeHash ?? null,
  after_hash: row.afterHash ?? null,
  reason: row.reason ?? null,
})
