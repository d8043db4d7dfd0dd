import { z } from 'zod'
import { piiKinds } from '../lib/pii.ts'

/** `guardrails` of `weir.yaml`: named checks, and what follows from them. Routes say which of them they use, and where. */
const words = z.array(z.string().min(1).max(500)).min(1).max(10_000)

const consequences = {
  action: z.enum(['block', 'redact', 'flag']).default('block'),
  /** How a block is told: an error of status 400, or an answer that ends with `content_filter`. */
  respond: z.enum(['error', 'refusal']).default('error'),
  message: z.string().min(1).default('This was stopped by a content policy.'),
  /** When the check cannot tell. The action decides when absent: what blocks or redacts fails closed, what flags lets pass. */
  on_error: z.enum(['allow', 'block']).optional(),
  timeout_ms: z.number().int().positive().max(60_000).default(2_000),
}

/** Only what points at a place in the text can take it out. */
const judging = { ...consequences, action: z.enum(['block', 'flag']).default('block') }

const isExpression = (source: string): boolean => {
  try {
    new RegExp(source, 'giu')
    return true
  } catch {
    return false
  }
}

const guardrail = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pattern'),
    patterns: z.array(z.string().min(1).refine(isExpression, 'is not a regular expression')).min(1),
    ...consequences,
  }),
  z.strictObject({ kind: z.literal('keywords'), words, ...consequences }),
  z.strictObject({
    kind: z.literal('pii'),
    find: z.array(z.enum(piiKinds)).min(1).optional(),
    /** ISO 3166, such as GB: where phone numbers without a country code are from. */
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'use two capital letters')
      .optional(),
    ...consequences,
  }),
  z.strictObject({
    kind: z.literal('classifier'),
    model: z.string().min(1),
    labels: z.array(z.string().min(1)).min(1),
    min_probability: z.number().gt(0).max(1).default(0.5),
    ...judging,
  }),
  /** The whole answer must be JSON of this schema. */
  z.strictObject({ kind: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()), ...judging }),
  /** A language model that reads the text against a policy in plain words. */
  z.strictObject({
    kind: z.literal('judge'),
    model: z.string().min(1),
    policy: z.string().min(1),
    ...judging,
    timeout_ms: z.number().int().positive().max(600_000).default(30_000),
  }),
])

export const guardrails = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'use letters, digits, and . _ - (not first)'), guardrail)
  .default({})

/** Of a route: names of guardrails, in the order they are told in traces. All of a list read at the same time. */
export const routeGuardrails = z.strictObject({
  input: z.array(z.string()).default([]),
  output: z.array(z.string()).default([]),
})

export type GuardrailConfig = z.infer<typeof guardrail>
