import type { JsonSchema } from '../../models/chat-model.ts'
import { rangeRows } from './digits.ts'
import { readSchema, type SchemaReading } from './read-schema.ts'
import type { Shape, StringFormat } from './shape.ts'

/**
 * A GBNF grammar whose every text is JSON that the schema accepts (`oneOf` aside, which a grammar can only read as `anyOf`).
 * GBNF: llama.cpp, grammars/README.md. `param` names the schema in errors; see `readSchema` for what is refused.
 */
export const schemaGrammar = (schema: JsonSchema, param: string): string => grammarOf(readSchema(schema, param), (root) => root)

/** Any JSON object. */
export const objectGrammar = (): string => grammarOf({ root: { kind: 'object-any' }, definitions: new Map() }, (root) => root)

export type CallTarget = { name: string; parameters: JsonSchema | undefined; param: string }

/** One call of one of these tools, between `before` and `after`. */
export const toolCallGrammar = (tools: readonly CallTarget[], before: string, after: string): string => {
  const options = tools.map(({ name, parameters, param }): { reading: SchemaReading; shape: Shape } => {
    const reading = readSchema(parameters ?? { type: 'object', properties: {}, additionalProperties: false }, param)
    const properties = [
      { name: 'name', shape: { kind: 'literal', values: [name] } as Shape, required: true },
      { name: 'arguments', shape: reading.root, required: true },
    ]
    return { reading, shape: { kind: 'object', properties } }
  })
  // Definitions are told apart by tool, because each has its own root.
  const definitions = new Map(
    options.flatMap(({ reading }, index) =>
      [...reading.definitions].map(([pointer, shape]) => [`${index}${pointer}`, scoped(shape, index)]),
    ),
  )
  const root: Shape = { kind: 'union', options: options.map(({ shape }, index) => scoped(shape, index)) }
  return grammarOf({ root, definitions }, (call) => `${quoted(before)} ${call} ${quoted(after)}`)
}

const scoped = (shape: Shape, scope: number): Shape => {
  switch (shape.kind) {
    case 'reference':
      return { ...shape, pointer: `${scope}${shape.pointer}` }
    case 'object':
      return { ...shape, properties: shape.properties.map((property) => ({ ...property, shape: scoped(property.shape, scope) })) }
    case 'map':
      return { ...shape, values: scoped(shape.values, scope) }
    case 'array':
      return { ...shape, prefix: shape.prefix.map((item) => scoped(item, scope)), items: shape.items && scoped(shape.items, scope) }
    case 'union':
      return { ...shape, options: shape.options.map((option) => scoped(option, scope)) }
    default:
      return shape
  }
}

const shared = `ws ::= | " " | "\\n" [ \\t]{0,20}
char ::= [^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\bfnrt/] | "u" ([0-9abcefABCEF] hex{3} | [dD] [0-7] hex{2}))
hex ::= [0-9a-fA-F]
string ::= "\\"" char* "\\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,14})
number ::= integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?
boolean ::= "true" | "false"
null ::= "null"
object ::= "{" ws (string ws ":" ws value ("," ws string ws ":" ws value)*)? "}"
array ::= "[" ws (value ("," ws value)*)? "]"
value ::= (object | array | string | number | boolean | null) ws
day ::= ("01" | "03" | "05" | "07" | "08" | "10" | "12") "-" ("0" [1-9] | [12] [0-9] | "3" [01]) | ("04" | "06" | "09" | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])
date ::= [12] [0-9]{3} "-" day
clock ::= ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [+-] ("0" [0-9] | "1" [0-4]) ":" [0-5] [0-9])
octet ::= "25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9]`

const formats: Record<StringFormat, string> = {
  date: '"\\"" date "\\""',
  time: '"\\"" clock "\\""',
  'date-time': '"\\"" date "T" clock "\\""',
  uuid: '"\\"" hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12} "\\""',
  email: '"\\"" [a-zA-Z0-9]{1,32} ([.+_-] [a-zA-Z0-9]{1,16}){0,2} "@" ([a-z0-9]{1,32} "."){1,3} [a-z]{2,8} "\\""',
  ipv4: '"\\"" octet "." octet "." octet "." octet "\\""',
}

const grammarOf = ({ root, definitions }: SchemaReading, wrap: (root: string) => string): string => {
  const rules: string[] = []
  const names = new Map([...definitions.keys()].map((pointer, index) => [pointer, `definition-${index}`]))
  const rule = (body: string): string => {
    const name = `rule-${rules.length}`
    rules.push(`${name} ::= ${body}`)
    return name
  }

  const write = (shape: Shape): string => {
    switch (shape.kind) {
      case 'any':
        return 'value'
      case 'object-any':
        return 'object'
      case 'array-any':
        return 'array'
      case 'boolean':
      case 'null':
        return shape.kind
      case 'literal':
        return `(${shape.values.map((value) => quoted(JSON.stringify(value))).join(' | ')})`
      case 'number':
        return writeNumber(shape)
      case 'string':
        return writeString(shape)
      case 'object':
        return writeObject(shape.properties)
      case 'map': {
        const entry = rule(`string ws ":" ws ${write(shape.values)} ws`)
        return rule(`"{" ws (${entry} ("," ws ${entry})*)? "}"`)
      }
      case 'array':
        return writeArray(shape)
      case 'union':
        return rule(shape.options.map(write).join(' | '))
      case 'reference':
        return names.get(shape.pointer) as string
    }
  }

  const writeString = ({ minLength, maxLength, format }: Extract<Shape, { kind: 'string' }>): string => {
    if (format) return rule(formats[format])
    if (minLength === 0 && maxLength === undefined) return 'string'
    return rule(`"\\"" char{${minLength},${maxLength ?? ''}} "\\""`)
  }

  /** From each property on, what may follow when something was written before it (`tail`), and when nothing was (`head`). */
  const writeObject = (properties: Extract<Shape, { kind: 'object' }>['properties']): string => {
    let head = '""'
    let tail = '""'
    for (const { name, shape, required } of properties.toReversed()) {
      const pair = rule(`${quoted(JSON.stringify(name))} ws ":" ws ${write(shape)} ws`)
      head = rule(required ? `${pair} ${tail}` : `${pair} ${tail} | ${head}`)
      tail = rule(required ? `"," ws ${pair} ${tail}` : `"," ws ${pair} ${tail} | ${tail}`)
    }
    return rule(`"{" ws ${head} "}"`)
  }

  const writeArray = ({ prefix, items, minItems, maxItems }: Extract<Shape, { kind: 'array' }>): string => {
    const most = maxItems ?? Number.POSITIVE_INFINITY
    if (prefix.length === 0) {
      if (!items || most === 0) return rule('"[" ws "]"')
      const item = rule(`${write(items)} ws`)
      const more = `("," ws ${item}){${Math.max(0, minItems - 1)},${most === Number.POSITIVE_INFINITY ? '' : most - 1}}`
      return rule(minItems === 0 ? `"[" ws (${item} ${more})? "]"` : `"[" ws ${item} ${more} "]"`)
    }
    let tail = '""'
    if (items && most > prefix.length) {
      const least = Math.max(0, minItems - prefix.length)
      tail = `("," ws ${write(items)} ws){${least},${most === Number.POSITIVE_INFINITY ? '' : most - prefix.length}}`
    }
    for (let index = Math.min(prefix.length, most) - 1; index >= 0; index--) {
      const body = `${index > 0 ? '"," ws ' : ''}${write(prefix[index] as Shape)} ws ${tail}`
      tail = index >= minItems ? `(${rule(body)})?` : rule(body)
    }
    return rule(`"[" ws ${tail} "]"`)
  }

  const writeNumber = ({ integer, min, max, exclusiveMin, exclusiveMax }: Extract<Shape, { kind: 'number' }>): string => {
    if (min === undefined && max === undefined) return integer ? 'integer' : 'number'
    // A bounded fraction is written with two decimals, or as many as its bounds have.
    const decimals = integer ? 0 : Math.max(2, decimalsOf(min), decimalsOf(max))
    const scale = (value: number, round: (value: number) => number) => BigInt(round(Number((value * 10 ** decimals).toFixed(4))))
    const farthest = 10n ** BigInt(12 + decimals)
    const low = min === undefined ? -farthest : scale(min, exclusiveMin ? (value) => Math.floor(value) + 1 : Math.ceil)
    const high = max === undefined ? farthest : scale(max, exclusiveMax ? (value) => Math.ceil(value) - 1 : Math.floor)
    const rows = rangeRows(low, high, decimals)
    return rows.length === 0 ? 'null' : rule(rows.join(' | '))
  }

  const written = wrap(rule(write(root)))
  for (const [pointer, shape] of definitions) rules.push(`${names.get(pointer)} ::= ${write(shape)}`)
  return [`root ::= ${written}`, ...rules, shared].join('\n')
}

const decimalsOf = (value: number | undefined): number => (value === undefined ? 0 : (String(value).split('.')[1]?.length ?? 0))

/** A GBNF string literal. */
const quoted = (text: string): string =>
  `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}"`
