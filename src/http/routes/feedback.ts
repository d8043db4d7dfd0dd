import { Hono } from 'hono'
import { z } from 'zod'
import type { Acknowledgement, Feedback, FeedbackItem } from '../../feedback/feedback.ts'
import { readJson } from '../body.ts'
import type { EdgeContext, Env } from '../context.ts'
import { metadata } from '../schemas/fields.ts'
import { parse } from '../schemas/parse.ts'

/** `POST /v1/feedback`, and `/v1/feedback/batch` for up to 1,000 `items`, of which all are stored or none. 200 means committed. */
export const feedbackRoutes = ({ feedback, maxBodyBytes }: { feedback: Feedback; maxBodyBytes: () => number }): Hono<Env> =>
  new Hono<Env>()
    .post('/', async (c) => {
      const body = parse(item, await readJson(c.req.raw, maxBodyBytes()))
      const [acknowledgement] = await feedback.add([toItem(body)], from(c, false))
      return c.json(acknowledgement && json(acknowledgement))
    })
    .post('/batch', async (c) => {
      const { items } = parse(batch, await readJson(c.req.raw, maxBodyBytes()))
      const acknowledgements = await feedback.add(items.map(toItem), from(c, true))
      return c.json({ object: 'list', data: acknowledgements.map(json) })
    })

/** Names are compared by Postgres, whose text holds no NUL. */
const name = z
  .string()
  .min(1)
  .max(256)
  .regex(/^\P{Cc}+$/u, 'must not hold control characters')
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')

const item = z.strictObject({
  metric: name,
  /** Checked against the metric; an event may come without. */
  value: z.unknown().optional(),
  inference_id: z.guid('must be the x-request-id of an answer').nullish(),
  subject: name.nullish(),
  session: name.nullish(),
  at: z.iso
    .datetime({ offset: true, error: 'must be an ISO 8601 date-time with offset' })
    .transform((text) => Date.parse(text))
    .nullish(),
  idempotency_key: name.nullish(),
  tags: metadata,
})

const batch = z.strictObject({ items: z.array(item).min(1).max(1_000) })

const toItem = (body: z.output<typeof item>): FeedbackItem => ({
  metric: body.metric,
  value: body.value,
  inferenceId: body.inference_id ?? undefined,
  subject: body.subject ?? undefined,
  session: body.session ?? undefined,
  atMs: body.at ?? undefined,
  idempotencyKey: body.idempotency_key ?? undefined,
  tags: body.tags ?? undefined,
})

const from = (c: EdgeContext, many: boolean) => {
  const { tenant, keyId } = c.get('principal')
  return { tenant, keyId, many }
}

const json = ({ id, duplicate, matched }: Acknowledgement) => ({ object: 'feedback', id, duplicate, matched })
