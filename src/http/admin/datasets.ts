import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { type DrawFilter, drawItems, refuseEmpty } from '../../evals/datasets/draw.ts'
import { exportFormats, exportLine } from '../../evals/datasets/export.ts'
import { agreementJson, datasetJson, itemJson } from '../../evals/datasets/json.ts'
import { reviewItem, type Verdict } from '../../evals/datasets/review.ts'
import {
  countItems,
  type Dataset,
  deleteDataset,
  findDataset,
  insertDataset,
  itemStatuses,
  listDatasets,
  listItems,
  versionsOf,
} from '../../evals/datasets/store.ts'
import { agreementWith } from '../../evals/online/agreement.ts'
import type { Clock } from '../../lib/clock.ts'
import { piiKinds } from '../../lib/pii.ts'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'

/** `/admin/datasets`: conversations drawn from production, reviewed by people, for suites and for training. */
export const datasetRoutes = ({ db, clock }: { db: Database; clock: Clock }): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  const tag = 'datasets'
  const withCounts = async (found: Dataset[]) => {
    const counts = await countItems(
      db,
      found.map(({ id }) => id),
    )
    return found.map((one) => datasetJson(one, counts.get(one.id)))
  }

  documented(
    app,
    'get',
    '/',
    { tag, summary: 'The newest version of every dataset', response: { description: 'Datasets by name', schema: list(dataset) } },
    async (c) => c.json({ object: 'list', data: await withCounts(await listDatasets(db)) }),
  )
  documented(
    app,
    'post',
    '/',
    {
      tag,
      summary: 'Draw live conversations into the next version of a dataset, redacted before they are stored',
      body: create,
      response: { status: 201, description: 'The version, with what was redacted and what could not be taken', schema: dataset },
    },
    async (c, { body }) => {
      const { name, from, where, limit, redact, reason } = body
      const drawn = await drawItems(db, { from, filter: toFilter(where), limit, redact })
      refuseEmpty(drawn)
      const { withoutPayload, notText, duplicates } = drawn.skipped
      const source = { from, where, limit, redact, skipped: { without_payload: withoutPayload, not_text: notText, duplicates } }
      const made = await insertDataset(db, name, source, drawn, { actor: actorOf(c), reason, nowMs: clock() })
      return c.json((await withCounts([made]))[0], 201)
    },
  )
  documented(
    app,
    'get',
    '/{dataset}/items',
    {
      tag,
      summary: 'Items in the order they were drawn; `status=pending` is the queue for people',
      query: itemsQuery,
      response: { description: 'Items with the newest of their reviews', schema: list(item) },
    },
    async (c, { path, query: { version, status, limit, after } }) => {
      const { id } = await findDataset(db, path('dataset'), version)
      const found = await listItems(db, id, { statuses: status, limit: limit + 1, afterPosition: after })
      const shown = found.slice(0, limit)
      return c.json({
        object: 'list',
        data: shown.map(itemJson),
        next_after: found.length > limit ? (shown.at(-1)?.position ?? null) : null,
      })
    },
  )
  documented(
    app,
    'post',
    '/{dataset}/items/{id}/review',
    {
      tag,
      summary: 'Approve, correct or reject an item; the newest review counts, and all are kept',
      body: review,
      query: versionQuery,
      response: { description: 'The item', schema: item },
    },
    async (c, { path, body, query: { version } }) => {
      const found = await findDataset(db, path('dataset'), version)
      const { reason, ...verdict } = body
      const by = { actor: actorOf(c), reason, nowMs: clock() }
      return c.json(itemJson(await reviewItem(db, found, path('id'), verdict satisfies Verdict, by)))
    },
  )
  documented(
    app,
    'get',
    '/{dataset}/agreement',
    {
      tag,
      summary: 'How scorers of live answers judged the answers that people reviewed',
      query: versionQuery,
      response: { description: 'Scorers by name', schema: list(agreement) },
    },
    async (c, { path, query: { version } }) => {
      const { id } = await findDataset(db, path('dataset'), version)
      return c.json({ object: 'list', data: (await agreementWith(db, id)).map(agreementJson) })
    },
  )
  documented(
    app,
    'get',
    '/{dataset}/export',
    {
      tag,
      summary: 'A line of JSON for each item that people let pass',
      query: exportQuery,
      response: { description: "OpenAI's chat fine-tuning format, or cases for suites", type: 'application/jsonl' },
    },
    async (c, { path, query: { version, format, status } }) => {
      const { id } = await findDataset(db, path('dataset'), version)
      const items = await listItems(db, id, { statuses: status })
      const lines = items.flatMap((one) => exportLine(one, format) ?? [])
      return c.body(lines.map((line) => `${line}\n`).join(''), 200, { 'content-type': 'application/jsonl' })
    },
  )
  documented(
    app,
    'get',
    '/{dataset}',
    { tag, summary: 'Every version of a dataset, newest first', response: { description: 'Versions', schema: list(dataset) } },
    async (c, { path }) => {
      await findDataset(db, path('dataset'))
      return c.json({ object: 'list', data: await withCounts(await versionsOf(db, path('dataset'))) })
    },
  )
  documented(
    app,
    'delete',
    '/{dataset}',
    {
      tag,
      summary: 'Delete one version with its items and reviews',
      query: z.strictObject({ version: z.coerce.number().int().min(1), reason }),
      response: { description: 'The version that was' },
    },
    async (c, { path, query }) => {
      const found = await findDataset(db, path('dataset'), query.version)
      await deleteDataset(db, found, { actor: actorOf(c), reason: query.reason, nowMs: clock() })
      return c.json({ object: 'dataset.deleted', name: found.name, version: found.version, deleted: true })
    },
  )
  return app
}

const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
const text = z.string().min(1).max(256)

const where = z.strictObject({
  tenant: text.optional(),
  route: text.optional(),
  variant: text.optional(),
  variant_hash: text.optional(),
  /** Answers that ended well, when absent. */
  status: z.enum(['ok', 'error', 'aborted']).default('ok'),
  from: time.optional(),
  to: time.optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  feedback: z
    .strictObject({ metric: text, below: z.number().optional(), above: z.number().optional() })
    .refine(({ below, above }) => below !== undefined || above !== undefined, 'needs `below` or `above`')
    .optional(),
})

const toFilter = ({ variant_hash: variantHash, from, to, ...same }: z.output<typeof where>): DrawFilter => ({
  ...same,
  variantHash,
  fromMs: from === undefined ? undefined : Date.parse(from),
  toMs: to === undefined ? undefined : Date.parse(to),
})

const create = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'use letters, digits, and . _ - (not first)'),
  /** `feedback`: answers that somebody gave a `demonstration` for, which is then what should be answered. */
  from: z.enum(['traces', 'feedback']).default('traces'),
  where: where.prefault({}),
  limit: z.number().int().min(1).max(10_000).default(100),
  /** What is replaced by its kind before anything is stored. */
  redact: z
    .array(z.enum(piiKinds))
    .min(1)
    .default([...piiKinds]),
  reason: z.string().trim().min(1).max(1_000),
})

const reason = z.string().trim().min(1).max(1_000)
const review = z.discriminatedUnion('verdict', [
  z.strictObject({ verdict: z.literal('approved'), reason }),
  z.strictObject({ verdict: z.literal('corrected'), answer: z.string().min(1).max(100_000), reason }),
  z.strictObject({ verdict: z.literal('rejected'), reason }),
])

const version = z.coerce.number().int().min(1).optional()
const statuses = z
  .string()
  .transform((list) => list.split(','))
  .pipe(z.array(z.enum(itemStatuses)).min(1))
const versionQuery = z.strictObject({ version })
const itemsQuery = z.strictObject({
  version,
  status: statuses.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(20),
  after: z.coerce.number().int().min(0).optional(),
})
const exportQuery = z.strictObject({
  version,
  format: z.enum(exportFormats).default('openai-chat'),
  /** What nobody has looked at is no example, unless it is asked for. */
  status: statuses.default(['approved', 'corrected']),
})

const list = <Schema extends z.ZodType>(schema: Schema) => z.object({ object: z.literal('list'), data: z.array(schema) })
const counts = z.record(z.enum(itemStatuses), z.int())
const dataset = z.object({
  object: z.literal('dataset'),
  name: z.string(),
  version: z.int(),
  source: z.record(z.string(), z.unknown()),
  redactions: z.record(z.string(), z.int()),
  items: z.int(),
  counts,
  created_by: z.string(),
  reason: z.string(),
  created_at: z.string(),
})
const agreement = z.object({
  scorer: z.string(),
  answers: z.int(),
  both_good: z.int(),
  both_bad: z.int(),
  only_scorer: z.int(),
  only_people: z.int(),
  share: z.number(),
  interval: z.object({ low: z.number(), high: z.number() }),
  kappa: z.number().nullable(),
})
const item = z.object({
  object: z.literal('dataset.item'),
  id: z.string(),
  position: z.int(),
  status: z.enum(itemStatuses),
  trace_id: z.string(),
  tenant: z.string(),
  route: z.string(),
  variant: z.string().nullable(),
  variant_hash: z.string().nullable(),
  messages: z.array(z.unknown()),
  /** The client's own messages and variables, where a prompt or retrieval made something else of them. */
  said: z.unknown(),
  tools: z.array(z.unknown()).nullable(),
  answer: z.unknown(),
  demonstration: z.unknown(),
  review: z.object({ verdict: z.string(), answer: z.unknown(), by: z.string(), reason: z.string(), at: z.string() }).nullable(),
})
