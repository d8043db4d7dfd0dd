import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { AppError } from '../lib/errors.ts'
import type { JsonSchema } from '../models/chat-model.ts'

/**
 * Makes the check of a prompt's variables. It returns them with defaults filled in, and throws `invalid_request` that names the field when
 * one is missing, wrongly typed or unknown. Fields the schema does not name are unknown unless it says `additionalProperties`.
 */
export const compileInputs = (
  schema: JsonSchema,
  defaults: Record<string, unknown>,
): ((variables: Record<string, unknown>) => Record<string, unknown>) => {
  const validate = compileSchema('additionalProperties' in schema ? schema : { ...schema, additionalProperties: false })
  return (variables) => {
    const filled = { ...defaults, ...variables }
    if (validate(filled)) return filled
    throw inputError(validate.errors?.[0])
  }
}

/** Compiles a JSON Schema; throws an Error that says what is wrong with it. */
export const compileSchema = (schema: JsonSchema): ValidateFunction => {
  try {
    return ajv.compile(schema)
  } finally {
    // Ajv would keep every schema it has seen; the compiled function needs none of that.
    ajv.removeSchema(schema)
  }
}

const ajv = new Ajv({ strict: false, allowUnionTypes: true, addUsedSchema: false })
addFormats.default(ajv)

const inputError = (error: ErrorObject | undefined): AppError => {
  const field = fieldOf(error?.instancePath ?? '')
  const { missingProperty, additionalProperty, allowedValues, type } = (error?.params ?? {}) as Record<string, unknown>
  switch (error?.keyword) {
    case 'required':
      return fault(join(field, String(missingProperty)), 'is missing')
    case 'additionalProperties':
      return fault(join(field, String(additionalProperty)), 'is not an input of this prompt')
    case 'type':
      return fault(field, `must be ${Array.isArray(type) ? type.join(' or ') : String(type)}`)
    case 'enum':
      return fault(field, `must be one of ${(allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`)
    default:
      return fault(field, error?.message ?? 'is not valid')
  }
}

const fault = (field: string, message: string): AppError =>
  new AppError('invalid_request', field === '' ? `variables ${message}` : `variable "${field}" ${message}`, {
    param: field === '' ? 'variables' : `variables.${field}`,
  })

const join = (field: string, name: string): string => (field === '' ? name : `${field}.${name}`)

/** `/passages/0/id` as people write it: `passages[0].id`. */
const fieldOf = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'))
    .reduce((field, part) => (/^\d+$/.test(part) ? `${field}[${part}]` : join(field, part)), '')
