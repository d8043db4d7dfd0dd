import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { AppError } from '../../lib/errors.ts'
import type { Check } from '../check.ts'

/** The whole answer must be JSON of this schema (draft 7). Throws `invalid_request` when the schema itself is wrong. */
export const jsonSchema = (schema: Record<string, unknown>): Check => {
  const ajv = new Ajv({ strict: false })
  addFormats.default(ajv)
  const validate = (() => {
    try {
      return ajv.compile(schema)
    } catch (cause) {
      throw new AppError('invalid_request', `the schema of a guardrail is not valid: ${(cause as Error).message}`, { cause })
    }
  })()
  return {
    reads: { kind: 'whole' },
    find: async (text) => {
      try {
        return validate(JSON.parse(text)) ? undefined : { labels: ['schema'], spans: null }
      } catch {
        return { labels: ['not JSON'], spans: null }
      }
    },
  }
}
