import { z } from 'zod'

/** `rules` of a route and `escalate` of a variant: who answers what, beside the weights. */
const texts = z.union([z.string().transform((text) => [text]), z.array(z.string()).min(1)])
const count = z.number().int().nonnegative()

const conditions = z
  .strictObject({
    /** Values that will do, by key of the client's `metadata`. */
    metadata: z.record(z.string(), texts).optional(),
    /** Of the conversation, estimated at four characters a token; inclusive. */
    prompt_tokens: z.strictObject({ min: count.optional(), max: count.optional() }).optional(),
    /** ISO 639-1 codes of the last user message, such as `en`. */
    language: texts.optional(),
    tools: z.boolean().optional(),
    /** What a configured classifier says of the last user message. */
    label: z.strictObject({ classifier: z.string(), label: z.string(), min_probability: z.number().gt(0).max(1).default(0.5) }).optional(),
  })
  .refine((when) => Object.keys(when).length > 0, { message: 'name a condition; what is true of every request needs no rule' })

/** The first rule whose conditions all hold sends the request to its variant, whatever the weights are. */
export const rules = z.array(z.strictObject({ name: z.string().min(1).max(64), variant: z.string(), when: conditions })).min(1)

/** Moves the weights towards the variants that do better by a feedback metric. */
export const adaptive = z.strictObject({
  metric: z.string(),
  /** What every variant keeps, so that it goes on being measured. */
  floor_percent: z.number().gt(0).max(50).default(5),
  /** Subjects with a value that every variant needs before weights move. */
  min_subjects: z.number().int().min(30).default(200),
  /** Between two moves. */
  every_s: z.number().positive().default(300),
  /** Most points that a weight moves at a time. */
  max_step_percent: z.number().gt(0).max(100).default(10),
  /** How far back requests count. */
  window_days: z.number().positive().max(365).default(28),
  /** Requests that are younger have not had the time to be judged, and do not count. */
  settle_s: z.number().nonnegative().default(0),
  /** Risk of taking out a variant that fails no more than the others. */
  alpha: z.number().min(0.0001).max(0.5).default(0.05),
})

/** Asks a larger model where the answer of the variant's own is in doubt. */
export const escalate = z
  .strictObject({
    model: z.string(),
    /** Geometric mean of the probabilities of the answer's tokens; the variant's model must tell them. */
    min_confidence: z.number().gt(0).lt(1).optional(),
    on: z.array(z.enum(['refusal', 'length', 'empty'])).default([]),
  })
  .refine(({ min_confidence, on }) => min_confidence !== undefined || on.length > 0, {
    message: 'say when: give min_confidence, or on',
  })
