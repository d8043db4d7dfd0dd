import type { JsonSchema } from '../models/chat-model.ts'

/** Picoschema, dotprompt's short hand for JSON Schema: `title: string, what it is`, `tags?(array): string`. JSON Schema passes through. */
export const toJsonSchema = (schema: unknown): JsonSchema => {
  if (isRecord(schema)) {
    if (typeof schema.type === 'string' && (scalars.has(schema.type) || ['object', 'array'].includes(schema.type))) return schema
    if (isRecord(schema.properties)) return { ...schema, type: 'object' }
    if (['$ref', 'anyOf', 'oneOf', 'allOf'].some((key) => key in schema)) return schema
  }
  return expand(schema, [])
}

/** Thrown with the path of keys at fault, so that the parser of the file can name the line. */
export class SchemaError extends Error {
  readonly path: string[]

  constructor(path: string[], message: string) {
    super(message)
    this.path = path
  }
}

const scalars = new Set(['string', 'number', 'integer', 'boolean', 'null', 'any'])

const expand = (schema: unknown, path: string[]): JsonSchema => {
  if (typeof schema === 'string') return scalar(schema, path)
  if (!isRecord(schema)) throw new SchemaError(path, `expected a type name or a map of fields, got ${JSON.stringify(schema)}`)
  const properties: Record<string, JsonSchema> = {}
  const required: string[] = []
  const object: JsonSchema = { type: 'object', properties, additionalProperties: false }
  for (const [key, value] of Object.entries(schema)) {
    const at = [...path, key]
    if (key === '(*)') {
      object.additionalProperties = expand(value, at)
      continue
    }
    const field = fieldOf(key, at)
    if (field.name === '__proto__') throw new SchemaError(at, 'a field cannot be named "__proto__"')
    if (Object.hasOwn(properties, field.name)) throw new SchemaError(at, `field "${field.name}" is given twice`)
    if (!field.optional) required.push(field.name)
    properties[field.name] = {
      ...orNull(fieldSchema(field, value, at), field.optional),
      ...(field.description ? { description: field.description } : {}),
    }
  }
  if (required.length > 0) object.required = required
  return object
}

type Field = { name: string; optional: boolean; kind: string | undefined; description: string | undefined }

const fieldOf = (key: string, path: string[]): Field => {
  const match = /^([^(?\s]+)(\?)?(?:\(\s*([a-z]+)\s*(?:,\s*([\s\S]*))?\))?$/.exec(key)
  if (match?.[1] === undefined)
    throw new SchemaError(path, `cannot read field "${key}": expected name, name?, name(array) or name(enum, description)`)
  return { name: match[1], optional: match[2] === '?', kind: match[3], description: match[4]?.trim() }
}

const fieldSchema = ({ name, kind }: Field, value: unknown, path: string[]): JsonSchema => {
  switch (kind) {
    case undefined:
      return expand(value, path)
    case 'array':
      return { type: 'array', items: expand(value, path) }
    case 'object':
      return expand(value, path)
    case 'enum':
      if (!Array.isArray(value) || value.length === 0) throw new SchemaError(path, `enum "${name}" needs a list of values`)
      return { enum: value }
    default:
      throw new SchemaError(path, `field "${name}": "${kind}" is none of array, object, enum`)
  }
}

/** An optional field may also be null: models write null for what they leave out. */
const orNull = (schema: JsonSchema, optional: boolean): JsonSchema => {
  if (!optional) return schema
  if (typeof schema.type === 'string') return { ...schema, type: schema.type === 'null' ? 'null' : [schema.type, 'null'] }
  const values = schema.enum
  if (Array.isArray(values)) return { ...schema, enum: values.includes(null) ? values : [...values, null] }
  return schema
}

const scalar = (text: string, path: string[]): JsonSchema => {
  const comma = text.indexOf(',')
  const type = (comma < 0 ? text : text.slice(0, comma)).trim()
  const description = comma < 0 ? '' : text.slice(comma + 1).trim()
  if (!scalars.has(type)) throw new SchemaError(path, `unknown type "${type}"; known: ${[...scalars].join(', ')}`)
  return { ...(type === 'any' ? {} : { type }), ...(description ? { description } : {}) }
}

const isRecord = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
