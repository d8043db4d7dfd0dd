import { z } from 'zod'
import type { ResponseFormat, Tool, ToolChoice } from '../../models/chat-model.ts'
import { flag, jsonSchema } from './fields.ts'

const identifier = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')

const tool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: identifier,
    description: z.string().nullish(),
    parameters: jsonSchema.nullish(),
    strict: flag,
  }),
})

export const tools = z.array(tool).max(128).nullish()

export const toolChoice = z
  .union(
    [z.enum(['none', 'auto', 'required']), z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: identifier }) })],
    "must be 'none', 'auto', 'required' or {type: 'function', function: {name}}",
  )
  .nullish()

export const responseFormat = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      json_schema: z.strictObject({ name: identifier, description: z.string().nullish(), schema: jsonSchema, strict: flag }),
    }),
  ])
  .nullish()

const longestChoices = 200_000

/** vLLM's extension, of which `choice` alone is known here: the answer is one of these texts, to the letter. */
export const structuredOutputs = z
  .strictObject({
    choice: z
      .array(z.string().min(1))
      .min(1)
      .max(1000)
      .refine((texts) => texts.reduce((sum, text) => sum + text.length, 0) <= longestChoices, {
        message: `holds more than ${longestChoices} characters in all`,
      }),
  })
  .nullish()

export const toTools = (wire: z.output<typeof tools>): Tool[] | undefined =>
  wire?.map(({ function: { name, description, parameters, strict } }) => ({
    name,
    description: description ?? undefined,
    parameters: parameters ?? undefined,
    strict: strict ?? undefined,
  }))

export const toToolChoice = (wire: z.output<typeof toolChoice>): ToolChoice | undefined =>
  wire === null || wire === undefined || typeof wire === 'string' ? (wire ?? undefined) : { name: wire.function.name }

export const toResponseFormat = (
  wire: z.output<typeof responseFormat>,
  structured?: z.output<typeof structuredOutputs>,
): ResponseFormat | undefined => {
  if (structured) return { type: 'one-of', texts: [...new Set(structured.choice)] }
  switch (wire?.type) {
    case undefined:
      return undefined
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json-object' }
    case 'json_schema': {
      const { name, description, schema, strict } = wire.json_schema
      return { type: 'json-schema', name, description: description ?? undefined, schema, strict: strict ?? false }
    }
  }
}
