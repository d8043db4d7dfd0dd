import { z } from 'zod'

/** The shape of `evals/<name>.yaml`. Strict but for assertions, whose other keys their scorer checks. */
const assertionBase = z.looseObject({
  type: z.string().min(1),
  value: z.unknown().optional(),
  threshold: z.number().optional(),
  weight: z.number().nonnegative().default(1),
  metric: z.string().min(1).optional(),
})

export type RawAssertion = z.infer<typeof assertionBase> & { assert?: RawAssertion[] | undefined }

export const assertion: z.ZodType<RawAssertion> = assertionBase.extend({
  get assert(): z.ZodOptional<z.ZodArray<z.ZodType<RawAssertion>>> {
    return z.array(assertion).min(1).optional()
  },
}) as z.ZodType<RawAssertion>

const toolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
})
/** As OpenAI's API writes messages; texts only. */
const turn = z.union([
  z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }),
  z.strictObject({ role: z.literal('assistant'), content: z.string().nullable().default(null), tool_calls: z.array(toolCall).min(1) }),
  z.strictObject({ role: z.literal('tool'), content: z.string(), tool_call_id: z.string() }),
])
export type RawTurn = z.infer<typeof turn>
const tool = z.strictObject({
  type: z.literal('function').optional(),
  function: z.strictObject({
    name: z.string().min(1),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().optional(),
  }),
})

export const caseFields = {
  id: z
    .union([z.string().min(1), z.number()])
    .transform(String)
    .optional(),
  description: z.string().optional(),
  /** The user's message; `{{name}}` are variables. */
  input: z.string().optional(),
  messages: z.array(turn).min(1).optional(),
  vars: z.record(z.string(), z.unknown()).default({}),
  expected: z.unknown().optional(),
  tags: z.array(z.string()).default([]),
  must_pass: z.boolean().default(false),
  group: z.string().optional(),
  repeats: z.number().int().min(1).max(1000).optional(),
  threshold: z.number().min(0).max(1).optional(),
  tools: z.array(tool).optional(),
  assert: z.array(assertion).default([]),
}
export const rawCase = z.strictObject(caseFields)
export type RawCase = z.infer<typeof rawCase>

const target = z.union([
  z.strictObject({ route: z.string().min(1), variant: z.string().optional(), variables: z.boolean().default(false) }),
  z.strictObject({ model: z.string().min(1) }),
  z.strictObject({
    prompt: z.string().min(1),
    model: z.string().min(1),
    label: z.string().optional(),
    version: z.coerce.string().optional(),
  }),
  z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    model: z.string().min(1),
    api_key: z.string().optional(),
    headers: z.record(z.string(), z.string()).default({}),
  }),
])

const dataset = z.union([
  z.strictObject({ file: z.string().min(1) }),
  /** What people approved or corrected of a dataset: of its newest version, or of the one named. */
  z.strictObject({ dataset: z.string().min(1), version: z.coerce.number().int().min(1).optional() }),
  /** What was asked lately, with nothing expected. */
  z.strictObject({
    traces: z.strictObject({
      route: z.string().optional(),
      variant_hash: z.string().optional(),
      since_hours: z.number().positive().default(24),
      limit: z.number().int().min(1).max(10_000).default(100),
    }),
  }),
  z.strictObject({
    demonstrations: z.strictObject({ route: z.string().optional(), limit: z.number().int().min(1).max(10_000).default(100) }),
  }),
])
export type DatasetSource = z.infer<typeof dataset>

const params = z.strictObject({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  max_tokens: z.number().int().positive().optional(),
  stop: z.array(z.string().min(1)).max(16).optional(),
})

export const rawSuite = z.strictObject({
  description: z.string().optional(),
  target,
  params: params.default({}),
  /** Text of the user's message for cases that have only variables. */
  input: z.string().optional(),
  messages: z.array(turn).min(1).optional(),
  repeats: z.number().int().min(1).max(1000).default(1),
  seed: z.number().int().optional(),
  concurrency: z.number().int().min(1).max(256).default(4),
  timeout_ms: z.number().int().positive().max(3_600_000).default(120_000),
  budget_usd: z.number().positive().optional(),
  judge: z.string().optional(),
  embedder: z.string().optional(),
  tenant: z.string().default('default'),
  margin: z.number().min(0).max(1).default(0.05),
  pass_rate: z.number().min(0).max(1).default(1),
  datasets: z.array(dataset).default([]),
  defaults: z
    .strictObject({
      assert: z.array(assertion).default([]),
      vars: z.record(z.string(), z.unknown()).default({}),
      tags: z.array(z.string()).default([]),
      threshold: z.number().min(0).max(1).optional(),
    })
    .prefault({}),
  cases: z.array(rawCase).default([]),
})
export type RawSuite = z.infer<typeof rawSuite>
