import { AppError } from '../../lib/errors.ts'
import type { JsonSchema } from '../../models/chat-model.ts'
import { mergeSchemas } from './merge-schemas.ts'
import { type Shape, type StringFormat, stringFormats } from './shape.ts'

export type SchemaReading = { root: Shape; definitions: Map<string, Shape> }

/** Said about a value, but no constraint on it. */
const annotations = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
])
const constraints = new Set([
  ...['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref'],
  ...['properties', 'required', 'additionalProperties', 'items', 'prefixItems', 'minItems', 'maxItems'],
  ...['minLength', 'maxLength', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
])
const typeNames = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
const longestRepetition = 2_000

/**
 * Reads a JSON Schema (2020-12) into shapes. Every keyword is honoured or refused: throws `unsupported_parameter` with `param` naming the
 * place, such as `response_format.json_schema.schema.properties.age.multipleOf`.
 */
export const readSchema = (schema: JsonSchema, param: string): SchemaReading => {
  const definitions = new Map<string, Shape>()

  const refuse = (place: string, why: string): never => {
    throw new AppError('unsupported_parameter', `JSON schema: ${why} at ${place}`, { param: place })
  }

  /** Follows references and merges `allOf`, so that one flat schema is left; `undefined` stands for a reference kept as it is. */
  const flatten = (schema: JsonSchema, place: string, seen: ReadonlySet<string>): JsonSchema => {
    const { allOf, $ref, ...rest } = schema
    const parts: JsonSchema[] = [rest]
    if (typeof $ref === 'string') {
      if (seen.has($ref)) refuse(`${place}.$ref`, 'a reference leads back to itself')
      parts.push(flatten(resolve($ref, `${place}.$ref`), place, new Set([...seen, $ref])))
    }
    for (const [index, part] of list(allOf ?? [], `${place}.allOf`).entries()) {
      parts.push(flatten(object(part, `${place}.allOf[${index}]`), `${place}.allOf[${index}]`, seen))
    }
    return parts.length === 1
      ? rest
      : mergeSchemas(parts, (keyword) => refuse(`${place}.${keyword}`, `schemas that hold together disagree on ${keyword}`))
  }

  const resolve = ($ref: string, place: string): JsonSchema => {
    if (!$ref.startsWith('#')) return refuse(place, 'only references inside the schema are supported')
    let target: unknown = schema
    for (const step of $ref.slice(1).split('/').slice(1)) {
      const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
      target = typeof target === 'object' && target !== null ? (target as JsonSchema)[key] : undefined
    }
    return object(target, place)
  }

  const object = (value: unknown, place: string): JsonSchema =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonSchema) : refuse(place, 'expected a schema')

  const list = (value: unknown, place: string): unknown[] => (Array.isArray(value) ? value : refuse(place, 'expected a list'))

  const size = (value: unknown, place: string): number | undefined => {
    if (value === undefined) return undefined
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : refuse(place, 'expected a whole number')
  }

  const read = (value: unknown, place: string): Shape => {
    if (value === true) return { kind: 'any' }
    const given = object(value, place)
    if (typeof given.$ref === 'string' && Object.keys(given).every((key) => key === '$ref' || annotations.has(key))) {
      return reference(given.$ref, `${place}.$ref`)
    }
    const flat = flatten(given, place, new Set())
    for (const keyword of Object.keys(flat)) {
      if (!constraints.has(keyword) && !annotations.has(keyword)) refuse(`${place}.${keyword}`, `${keyword} is not supported`)
    }
    const choice = flat.anyOf ? 'anyOf' : flat.oneOf ? 'oneOf' : undefined
    if (choice) {
      const { [choice]: options, ...base } = flat
      const shared = Object.keys(base).some((key) => constraints.has(key))
      return {
        kind: 'union',
        options: list(options, `${place}.${choice}`).map((option, index) =>
          read(shared ? { ...base, allOf: [object(option, `${place}.${choice}[${index}]`)] } : option, `${place}.${choice}[${index}]`),
        ),
      }
    }
    return readFlat(flat, place)
  }

  const readFlat = (flat: JsonSchema, place: string): Shape => {
    const types = typesOf(flat, place)
    if ('const' in flat || flat.enum) {
      const values = 'const' in flat ? [flat.const] : list(flat.enum, `${place}.enum`)
      const fitting = values.filter((value) => !flat.type || types.some((type) => isType(value, type)))
      if (fitting.length === 0) refuse(place, 'no value fits')
      return { kind: 'literal', values: fitting }
    }
    if (!flat.type && types.length === typeNames.length) return { kind: 'any' }
    const options = types.map((type) => readType(type, flat, place))
    return options.length === 1 ? (options[0] as Shape) : { kind: 'union', options }
  }

  const typesOf = (flat: JsonSchema, place: string): readonly string[] => {
    const { type } = flat
    if (type === undefined) {
      if (flat.properties || flat.required || flat.additionalProperties !== undefined) return ['object']
      if (flat.items !== undefined || flat.prefixItems || flat.minItems !== undefined || flat.maxItems !== undefined) return ['array']
      if (flat.minLength !== undefined || flat.maxLength !== undefined || flat.format !== undefined) return ['string']
      if (['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].some((key) => flat[key] !== undefined)) return ['number']
      return typeNames
    }
    const types = Array.isArray(type) ? type : [type]
    for (const name of types) if (!typeNames.includes(name)) refuse(`${place}.type`, `unknown type ${JSON.stringify(name)}`)
    if (types.length === 0) refuse(`${place}.type`, 'no type fits')
    return types
  }

  const readType = (type: string, flat: JsonSchema, place: string): Shape => {
    switch (type) {
      case 'object':
        return readObject(flat, place)
      case 'array':
        return readArray(flat, place)
      case 'string':
        return readString(flat, place)
      case 'number':
      case 'integer':
        return readNumber(type, flat, place)
      default:
        return { kind: type as 'boolean' | 'null' }
    }
  }

  /** Properties come in the schema's order. Beyond declared ones none are made, which `additionalProperties` always allows. */
  const readObject = (flat: JsonSchema, place: string): Shape => {
    const additional = flat.additionalProperties ?? true
    const properties = object(flat.properties ?? {}, `${place}.properties`)
    const required = list(flat.required ?? [], `${place}.required`).map(String)
    const undeclared = required.filter((name) => !Object.hasOwn(properties, name))
    if (undeclared.length > 0 && additional === false) refuse(`${place}.required`, `${undeclared[0]} is required but not allowed`)
    const extra = (): Shape => (additional === true ? { kind: 'any' } : read(additional, `${place}.additionalProperties`))
    const names = [...Object.keys(properties), ...undeclared]
    if (names.length === 0) {
      if (additional === false) return { kind: 'object', properties: [] }
      return additional === true ? { kind: 'object-any' } : { kind: 'map', values: extra() }
    }
    return {
      kind: 'object',
      properties: names.map((name) => ({
        name,
        shape: Object.hasOwn(properties, name) ? read(properties[name], `${place}.properties.${name}`) : extra(),
        required: required.includes(name),
      })),
    }
  }

  const readArray = (flat: JsonSchema, place: string): Shape => {
    const prefix = list(flat.prefixItems ?? [], `${place}.prefixItems`).map((item, index) => read(item, `${place}.prefixItems[${index}]`))
    const items =
      flat.items === false ? undefined : flat.items === undefined ? ({ kind: 'any' } as const) : read(flat.items, `${place}.items`)
    const minItems = size(flat.minItems, `${place}.minItems`) ?? 0
    const maxItems = size(flat.maxItems, `${place}.maxItems`)
    if (minItems > (maxItems ?? longestRepetition)) refuse(`${place}.minItems`, 'no array fits')
    if (!items && minItems > prefix.length) refuse(`${place}.minItems`, 'no array fits')
    return { kind: 'array', prefix, items, minItems, maxItems: maxItems === undefined ? undefined : Math.min(maxItems, longestRepetition) }
  }

  const readString = (flat: JsonSchema, place: string): Shape => {
    const minLength = size(flat.minLength, `${place}.minLength`) ?? 0
    const maxLength = size(flat.maxLength, `${place}.maxLength`)
    const format = flat.format
    if (format !== undefined && !stringFormats.includes(format as StringFormat))
      refuse(`${place}.format`, `format ${JSON.stringify(format)} is not supported`)
    if (format !== undefined && (minLength > 0 || maxLength !== undefined))
      refuse(`${place}.format`, 'a format together with a length is not supported')
    if (minLength > (maxLength ?? longestRepetition)) refuse(`${place}.minLength`, 'no string fits')
    return {
      kind: 'string',
      minLength,
      maxLength: maxLength === undefined ? undefined : Math.min(maxLength, longestRepetition),
      format: format as StringFormat | undefined,
    }
  }

  const readNumber = (type: 'number' | 'integer', flat: JsonSchema, place: string): Shape => {
    const bound = (keyword: string): number | undefined => {
      const value = flat[keyword]
      if (value === undefined) return undefined
      if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(`${place}.${keyword}`, 'expected a number')
      return Math.abs(value) < 1e12 ? value : refuse(`${place}.${keyword}`, 'bounds beyond 10^12 are not supported')
    }
    const [low, above, high, below] = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'].map(bound)
    const exclusiveMin = above !== undefined && above >= (low ?? above)
    const exclusiveMax = below !== undefined && below <= (high ?? below)
    return {
      kind: 'number',
      integer: type === 'integer',
      min: exclusiveMin ? above : low,
      max: exclusiveMax ? below : high,
      exclusiveMin,
      exclusiveMax,
    }
  }

  const reference = ($ref: string, place: string): Shape => {
    if (!definitions.has($ref)) {
      // Set before it is read, so that a definition may contain itself.
      definitions.set($ref, { kind: 'any' })
      definitions.set($ref, read(resolve($ref, place), place))
    }
    return { kind: 'reference', pointer: $ref }
  }

  return { root: read(schema, param), definitions }
}

const isType = (value: unknown, type: string): boolean => {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
