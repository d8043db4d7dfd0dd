import { z } from 'zod'
import { type Aggregation, aggregations, builtInMetrics, countsSilence } from '../feedback/metric.ts'

/** `metrics` of `weir.yaml`: what feedback may say. Shapes as `Metric`. */
const common = {
  direction: z.enum(['increase', 'decrease']).default('increase'),
  role: z.enum(['guardrail', 'signal', 'report']).default('report'),
}
const level = z.enum(['inference', 'subject'])
const bounds = { minimum: z.number().optional(), maximum: z.number().optional() }

/** Who says it: clients in feedback, or a scorer of live answers, of which only a sample is scored. */
const said = { source: z.enum(['feedback', 'online_score']).optional(), scorer: z.string().min(1).optional() }

type Said = { source?: 'feedback' | 'online_score' | undefined; scorer?: string | undefined; level: string; aggregation: Aggregation }

const refuseHalfSaid = ({ source, scorer, level: about, aggregation }: Said, context: z.RefinementCtx): void => {
  const fault = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  if ((source === 'online_score') !== (scorer !== undefined))
    fault('scorer', 'a metric of source: online_score names a scorer, and no other does')
  if (source !== 'online_score') return
  if (about !== 'inference') fault('level', 'a scorer speaks of an answer: level is inference')
  if (countsSilence(aggregation))
    fault('aggregation', 'only a sample is scored, and what is not scored is no zero: use last, first or mean')
}

const boolean = z
  .strictObject({
    type: z.literal('boolean'),
    ...common,
    ...said,
    level: level.default('inference'),
    aggregation: z.enum(aggregations.boolean).default('last'),
  })
  .superRefine(refuseHalfSaid)

const float = z
  .strictObject({
    type: z.literal('float'),
    ...common,
    ...said,
    level: level.default('inference'),
    aggregation: z.enum(aggregations.float).default('last'),
    ...bounds,
  })
  .superRefine(refuseHalfSaid)

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
