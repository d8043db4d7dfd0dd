import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { type Scorer, verdict } from '../scorer.ts'

const ajv = new Ajv({ strict: false })
addFormats.default(ajv)

const faultOf = (value: unknown, schema: unknown): string | undefined => {
  if (schema === undefined || schema === null) return undefined
  const validate = ajv.compile(schema as object)
  if (validate(value)) return undefined
  const [error] = validate.errors ?? []
  return `${error?.instancePath || 'the value'} ${error?.message ?? 'does not match the schema'}`
}

const refuseSchema: NonNullable<Scorer['refuse']> = ({ value }) => {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object') return 'the value must be a JSON schema'
  try {
    ajv.compile(value)
    return undefined
  } catch (error) {
    return `the JSON schema is wrong: ${(error as Error).message}`
  }
}

/** The whole output is JSON, of the schema when one is given. */
export const isJson: Scorer = {
  type: 'is-json',
  refuse: refuseSchema,
  score: ({ text }, { value }) => {
    try {
      const fault = faultOf(JSON.parse(text), value)
      return verdict(fault === undefined, fault ?? 'valid JSON')
    } catch {
      return verdict(false, 'the output is not JSON')
    }
  },
}

export const jsonSchema: Scorer = {
  ...isJson,
  type: 'json-schema',
  refuse: (assertion) => (assertion.value === undefined ? 'json-schema needs a schema as its value' : refuseSchema(assertion)),
}

/** Somewhere in the output there is JSON, of the schema when one is given. */
export const containsJson: Scorer = {
  type: 'contains-json',
  refuse: refuseSchema,
  score: ({ text }, { value }) => {
    const found = jsonTexts(text)
    const fits = found.some((item) => faultOf(item, value) === undefined)
    return verdict(
      fits,
      found.length === 0 ? 'there is no JSON in the output' : fits ? 'valid JSON' : 'no JSON in the output fits the schema',
    )
  },
}

const jsonTexts = (text: string): unknown[] => {
  const all: unknown[] = []
  for (let start = text.search(/[[{]/); start >= 0 && all.length < 20; ) {
    const close = text[start] === '{' ? '}' : ']'
    let end = text.lastIndexOf(close)
    for (; end > start; end = text.lastIndexOf(close, end - 1)) {
      try {
        all.push(JSON.parse(text.slice(start, end + 1)))
        break
      } catch {}
    }
    const from = end > start ? end + 1 : start + 1
    const next = text.slice(from).search(/[[{]/)
    start = next < 0 ? -1 : from + next
  }
  return all
}

/** The finish reason is the value, such as `stop` or `tool_calls`. */
export const finishReason: Scorer = {
  type: 'finish-reason',
  score: ({ finishReason: reason }, { value }) => verdict(reason === value, `ended with ${reason ?? 'nothing'}`),
}
