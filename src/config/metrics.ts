import { z } from 'zod'
import { aggregations, builtInMetrics } from '../feedback/metric.ts'

/** `metrics` of `weir.yaml`: what feedback may say. Shapes as `Metric`. */
const common = {
  direction: z.enum(['increase', 'decrease']).default('increase'),
  role: z.enum(['guardrail', 'signal', 'report']).default('report'),
}
const level = z.enum(['inference', 'subject'])
const bounds = { minimum: z.number().optional(), maximum: z.number().optional() }

const boolean = z.strictObject({
  type: z.literal('boolean'),
  ...common,
  level: level.default('inference'),
  aggregation: z.enum(aggregations.boolean).default('last'),
})

const float = z.strictObject({
  type: z.literal('float'),
  ...common,
  level: level.default('inference'),
  aggregation: z.enum(aggregations.float).default('last'),
  ...bounds,
})

const event = z.strictObject({
  type: z.literal('event'),
  ...common,
  level: level.default('subject'),
  aggregation: z.enum(aggregations.event).default('count'),
  ...bounds,
})

const label = z
  .strictObject({
    type: z.literal('label'),
    labels: z
      .array(z.string().min(1).max(200))
      .min(2)
      .max(1_000)
      .refine((labels) => new Set(labels).size === labels.length, 'two labels are the same'),
    positive: z.string().optional(),
  })
  .refine(({ labels, positive }) => positive === undefined || labels.includes(positive), {
    path: ['positive'],
    message: 'is not one of the labels',
  })

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'use lower-case letters, digits and _')
  .refine((text) => !builtInMetrics.has(text), 'every server has this metric already')

export const metrics = z.record(name, z.discriminatedUnion('type', [boolean, float, event, label])).default({})

/** How the traffic of a route is judged. Read before it starts: what is decided afterwards finds what it looks for. */
export const experiment = z.strictObject({
  /** The variant that the others are compared with; the first when absent. */
  control: z.string().optional(),
  /** The metric that decides; others are reported. */
  primary_metric: z.string().optional(),
  /** Subjects at which the experiment is read, once. Absent: it may be read at any time, with wider intervals. */
  horizon_subjects: z.number().int().positive().optional(),
})
