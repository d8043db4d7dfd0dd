import { z } from 'zod'

const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be an ISO 8601 date, or date-time with offset')
  .transform((text) => Date.parse(text))
const words = (message: string) => z.string(message).trim().min(1, message).max(1000)
const routeName = z.string().min(1).max(256)

export const reportQuery = z.strictObject({ format: z.enum(['json', 'html']).default('json'), variant: z.string().optional() })
export const referencesQuery = z.strictObject({ route: z.string().optional(), variant: z.string().optional() })

export const referenceBody = z
  .strictObject({
    route: routeName,
    /** The one that most subjects get when absent. */
    variant: z.string().min(1).optional(),
    /** Whole minutes: the first is rounded down, the second up. */
    from: time.optional(),
    to: time.optional(),
    /** The newest so many requests, in place of a time. */
    last: z.number().int().positive().optional(),
    reason: words('say why: this needs a reason'),
  })
  .refine(
    ({ from, to, last }) =>
      last === undefined ? from !== undefined && to !== undefined && from < to : from === undefined && to === undefined,
    {
      message: 'give from and to, in this order, or last',
    },
  )

export const alertsQuery = z.strictObject({
  route: z.string().optional(),
  state: z.enum(['open', 'acknowledged', 'resolved', 'all']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
})
export const ownerBody = z.strictObject({ owner: z.string().min(1).max(200).optional(), note: z.string().max(1000).optional() })
export const noteBody = z.strictObject({ note: words('say something: this needs a note') })

export const reasonBody = z.strictObject({ reason: words('say why: this needs a reason') })

export const silenceBody = z.strictObject({
  route: routeName,
  /** Every signal when absent. */
  signal: z.string().min(1).optional(),
  /** Now when absent. */
  from: time.optional(),
  to: time,
  reason: words('say why: this needs a reason'),
})

export const listOf = <Schema extends z.ZodType>(schema: Schema) => z.object({ object: z.literal('list'), data: z.array(schema) }).loose()

export const referenceSchema = z.object({
  id: z.string(),
  route: z.string(),
  variant: z.string(),
  variant_hash: z.string(),
  version: z.number(),
  from: z.string(),
  to: z.string(),
  requests: z.number(),
  created_by: z.string(),
  reason: z.string(),
})

export const alertSchema = z.object({
  id: z.string(),
  route: z.string(),
  variant: z.string(),
  signal: z.string(),
  tag: z.enum(['data', 'quality', 'performance']),
  state: z.enum(['open', 'acknowledged', 'resolved']),
  owner: z.string().nullable(),
  opened_at: z.string(),
})

export const silenceSchema = z.object({
  id: z.string(),
  route: z.string(),
  signal: z.string().nullable(),
  from: z.string(),
  to: z.string(),
})

export const statusSchema = z
  .object({
    route: z.string(),
    variant: z.string(),
    verdict: z.object({ kind: z.string(), text: z.string() }),
    reference: referenceSchema,
    alerts: z.array(alertSchema),
  })
  .loose()

export const replaySchema = z
  .object({
    id: z.string(),
    route: z.string(),
    variant: z.string(),
    status: z.enum(['running', 'completed', 'failed']),
    reason: z.string(),
    similarity: z.number().nullable(),
    moved: z.boolean().nullable(),
  })
  .loose()
