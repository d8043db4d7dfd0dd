import { z } from 'zod'
import { isShallow } from '../../lib/shallow.ts'

/** Bodies of OpenAI's evals API. Strict: what would be ignored is refused by name. */
const text = z.string().min(1).max(100_000)
const name = z.string().min(1).max(256)
const metadata = z.record(z.string().max(64), z.string().max(512)).nullish()

const textPart = z.strictObject({ type: z.enum(['input_text', 'output_text']), text: z.string() })
const content = z.union(
  [z.string(), textPart, z.array(z.union([z.string(), textPart])).min(1)],
  'must be text: images and sound are not read here',
)

/** Nested deeper than any real schema it would be a trap for those who walk through it. */
const jsonSchema = z.custom<Record<string, unknown>>(
  (value) => value !== null && typeof value === 'object' && !Array.isArray(value) && isShallow(value, 64),
  'must be a JSON Schema object nested at most 64 deep',
)

/** A message whose texts are templates: `{{item.question}}`, `{{sample.output_text}}`. */
const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content,
  type: z.literal('message').optional(),
})
export type TemplateMessage = z.infer<typeof message>
const messages = z.array(message).min(1).max(100)

/** Hosts and local models here take no effort. */
const noEffort = z.null('is not supported here').optional()

const stringCheck = z.strictObject({
  type: z.literal('string_check'),
  name,
  input: text,
  reference: z.string().max(100_000),
  operation: z.enum(['eq', 'ne', 'like', 'ilike']),
})

export const similarityMetrics = [
  'cosine',
  'fuzzy_match',
  'bleu',
  'gleu',
  'rouge_1',
  'rouge_2',
  'rouge_3',
  'rouge_4',
  'rouge_5',
  'rouge_l',
] as const

const textSimilarity = z.strictObject({
  type: z.literal('text_similarity'),
  name,
  input: text,
  reference: text,
  evaluation_metric: z.enum(similarityMetrics, `must be one of ${similarityMetrics.join(', ')}`),
  pass_threshold: z.number(),
})

const labelModel = z
  .strictObject({
    type: z.literal('label_model'),
    name,
    model: name,
    input: messages,
    labels: z.array(z.string().min(1)).min(1).max(100),
    passing_labels: z.array(z.string().min(1)).min(1),
  })
  .refine(({ labels, passing_labels }) => passing_labels.every((label) => labels.includes(label)), {
    path: ['passing_labels'],
    message: 'must be among the labels',
  })

const scoreModel = z.strictObject({
  type: z.literal('score_model'),
  name,
  model: name,
  input: messages,
  range: z
    .tuple([z.number(), z.number()])
    .refine(([low, high]) => low < high, 'must be a lower and a higher number')
    .default([0, 1]),
  pass_threshold: z.number().optional(),
  sampling_params: z
    .strictObject({
      max_completions_tokens: z.number().int().positive().nullish(),
      seed: z.number().int().nullish(),
      temperature: z.number().min(0).max(2).nullish(),
      top_p: z.number().gt(0).max(1).nullish(),
      reasoning_effort: noEffort,
    })
    .optional(),
})

export const testingCriterion = z.discriminatedUnion('type', [stringCheck, textSimilarity, labelModel, scoreModel], {
  error: 'must be string_check, text_similarity, label_model or score_model: others are not supported here',
})
export type TestingCriterion = z.infer<typeof testingCriterion>

const dataSourceConfig = z.strictObject({
  type: z.literal('custom', 'must be custom: logs and stored completions are datasets here (weir datasets)'),
  item_schema: jsonSchema,
  include_sample_schema: z.boolean().default(false),
})
export type DataSourceConfig = z.infer<typeof dataSourceConfig>

export const createEval = z.strictObject({
  name: name.optional(),
  data_source_config: dataSourceConfig,
  testing_criteria: z.array(testingCriterion).min(1).max(50),
  metadata,
})

export const updateEval = z.strictObject({ name: name.optional(), metadata })

const row = z.strictObject({ item: z.record(z.string(), z.unknown()), sample: z.record(z.string(), z.unknown()).optional() })
export type Row = z.infer<typeof row>
export const rows = z.array(row).min(1).max(10_000)

const source = z.discriminatedUnion(
  'type',
  [z.strictObject({ type: z.literal('file_content'), content: rows }), z.strictObject({ type: z.literal('file_id'), id: name })],
  { error: 'must be file_content or file_id: stored completions and responses are datasets here (weir datasets)' },
)

const inputMessages = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('template'), template: messages }),
  z.strictObject({
    type: z.literal('item_reference'),
    item_reference: z.string().regex(/^item\.[\w.]+$/, 'must be a path such as item.messages'),
  }),
])

const functionTool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
    description: z.string().optional(),
    parameters: jsonSchema.optional(),
    strict: z.boolean().nullish(),
  }),
})
const jsonSchemaFormat = {
  name: z.string().min(1).max(64),
  description: z.string().optional(),
  schema: jsonSchema,
  strict: z.boolean().nullish(),
}
const sampling = {
  max_completion_tokens: z.number().int().positive().optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  seed: z.number().int().optional(),
  reasoning_effort: noEffort,
}

const completions = z.strictObject({
  type: z.literal('completions'),
  source,
  model: name,
  input_messages: inputMessages,
  sampling_params: z
    .strictObject({
      ...sampling,
      tools: z.array(functionTool).max(128).optional(),
      response_format: z
        .discriminatedUnion('type', [
          z.strictObject({ type: z.literal('text') }),
          z.strictObject({ type: z.literal('json_object') }),
          z.strictObject({ type: z.literal('json_schema'), json_schema: z.strictObject(jsonSchemaFormat) }),
        ])
        .optional(),
    })
    .prefault({}),
})

const responses = z.strictObject({
  type: z.literal('responses'),
  source,
  model: name,
  input_messages: inputMessages,
  sampling_params: z
    .strictObject({
      ...sampling,
      text: z
        .strictObject({
          format: z
            .discriminatedUnion('type', [
              z.strictObject({ type: z.literal('text') }),
              z.strictObject({ type: z.literal('json_object') }),
              z.strictObject({ type: z.literal('json_schema'), ...jsonSchemaFormat }),
            ])
            .optional(),
        })
        .optional(),
    })
    .prefault({}),
})

export const dataSource = z.discriminatedUnion('type', [z.strictObject({ type: z.literal('jsonl'), source }), completions, responses])
export type DataSource = z.infer<typeof dataSource>
/** One that asks a model. */
export type SampledSource = Exclude<DataSource, { type: 'jsonl' }>

export const createRun = z.strictObject({ name: name.optional(), data_source: dataSource, metadata })
