import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { AppError } from '../../lib/errors.ts'
import type { ChatEvent, ResponseFormat } from '../../models/chat-model.ts'

/**
 * Watches a strict JSON answer go by and throws at its `finish` when the whole does not satisfy the schema. The grammar makes it so by
 * construction; this is for what a grammar cannot say. An answer cut by length is not checked: its finish reason says it is incomplete.
 */
export const createResultCheck = (format: ResponseFormat | undefined): ((event: ChatEvent) => void) | undefined => {
  if (format?.type !== 'json-schema' || !format.strict) return undefined
  const ajv = new Ajv2020({ strict: false, validateSchema: false })
  formats.default(ajv)
  let valid: (value: unknown) => boolean
  try {
    valid = ajv.compile(format.schema)
  } catch (cause) {
    throw new AppError('invalid_request', 'the JSON schema is not valid', { param: 'response_format.json_schema.schema', cause })
  }
  const texts = new Map<number, string>()
  return (event) => {
    if (event.type === 'text-delta') texts.set(event.choice, (texts.get(event.choice) ?? '') + event.text)
    if (event.type !== 'finish' || event.reason !== 'stop') return
    if (!valid(parsed(texts.get(event.choice) ?? '')))
      throw new AppError('upstream_failed', "the model's answer does not satisfy the JSON schema")
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
