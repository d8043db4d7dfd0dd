import { canonicalJson } from '../../lib/hash.ts'
import type { JsonSchema } from '../../models/chat-model.ts'

/** One schema that holds where all of these hold (`allOf`). `conflict` is called, and must throw, where they cannot be joined. */
export const mergeSchemas = (schemas: readonly JsonSchema[], conflict: (keyword: string) => never): JsonSchema => {
  const merged: JsonSchema = {}
  const closed = schemas.filter((schema) => schema.additionalProperties !== undefined && schema.additionalProperties !== true)
  const open = schemas.filter((schema) => schema.properties !== undefined)
  // `additionalProperties` looks at its own schema's properties alone: joined, it would allow what it forbids.
  if (closed.length > 0 && open.some((schema) => schema !== closed[0])) conflict('additionalProperties')
  for (const schema of schemas) {
    for (const [keyword, value] of Object.entries(schema)) {
      if (value === undefined) continue
      merged[keyword] = Object.hasOwn(merged, keyword) ? join(keyword, merged[keyword], value, conflict) : value
    }
  }
  return merged
}

const join = (keyword: string, left: unknown, right: unknown, conflict: (keyword: string) => never): unknown => {
  if (canonicalJson(left) === canonicalJson(right)) return left
  switch (keyword) {
    case 'type':
      return joinTypes(left, right)
    case 'enum':
      return (left as unknown[]).filter((value) => (right as unknown[]).some((other) => canonicalJson(other) === canonicalJson(value)))
    case 'required':
      return [...new Set([...(left as string[]), ...(right as string[])])]
    case 'properties': {
      const joined = { ...(left as JsonSchema) }
      for (const [name, schema] of Object.entries(right as JsonSchema))
        joined[name] = name in joined ? { allOf: [joined[name], schema] } : schema
      return joined
    }
    case 'items':
      return { allOf: [left, right] }
    case 'minLength':
    case 'minItems':
    case 'minimum':
    case 'exclusiveMinimum':
      return Math.max(left as number, right as number)
    case 'maxLength':
    case 'maxItems':
    case 'maximum':
    case 'exclusiveMaximum':
      return Math.min(left as number, right as number)
    case 'title':
    case 'description':
    case 'default':
    case 'examples':
    case '$schema':
    case '$id':
    case '$comment':
    case '$defs':
    case 'definitions':
      return left
    default:
      return conflict(keyword)
  }
}

const joinTypes = (left: unknown, right: unknown): string[] => {
  const [first, second] = [left, right].map((type) => (Array.isArray(type) ? type : [type]) as string[]) as [string[], string[]]
  const narrow = (type: string, others: string[]) => {
    if (others.includes(type)) return type
    if (type === 'number' && others.includes('integer')) return 'integer'
    return type === 'integer' && others.includes('number') ? 'integer' : undefined
  }
  return [...new Set(first.map((type) => narrow(type, second)).filter((type) => type !== undefined))]
}
