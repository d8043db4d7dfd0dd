import { AppError } from '../lib/errors.ts'
import type { Call, Expression, Located, PathExpression, SubExpression } from './template.ts'

/** What a name can mean at one place of a running template. */
export type Scope = {
  context: unknown
  parent: Scope | undefined
  /** Variables of the innermost loop: index, key, first, last. */
  frame: Frame
  /** Values of block parameters, `{{#each items as |item index|}}`. */
  locals: Record<string, unknown> | undefined
}
export type Frame = { values: Record<string, unknown>; parent: Frame | undefined }
export type Value = (scope: Scope) => unknown

/** Reports a fault at a node and lets compilation go on, so that one run finds them all. */
export type Report = (node: Located, rule: 'unknown-helper' | 'helper-arguments' | 'unsupported', message: string) => void

/** Names of block parameters in force, innermost first. */
export type Names = readonly (readonly string[])[]

export const compileExpression = (expression: Expression, names: Names, report: Report): Value => {
  switch (expression.type) {
    case 'PathExpression':
      return compilePath(expression, names)
    case 'SubExpression':
      return compileSubExpression(expression, names, report)
    case 'UndefinedLiteral':
      return () => undefined
    case 'NullLiteral':
      return () => null
    default: {
      const { value } = expression
      return () => value
    }
  }
}

/** `this.json` and `./json` are variables even where `json` is a helper. */
export const isScoped = (path: PathExpression): boolean =>
  path.depth > 0 || path.data || path.parts.length !== 1 || /^\.|^this\b/.test(path.original)

/** Own properties only: nothing on a prototype is an input. */
export const ownProperty = (value: unknown, key: string): unknown => {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'object') return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
  return typeof value === 'string' && key === 'length' ? value.length : undefined
}

/** What a value looks like in a prompt. Nothing is escaped, as a prompt is not HTML; a structure is an error rather than `[object Object]`. */
export const printed = (value: unknown, name: string): string => {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return ''
  if (typeof value === 'object') {
    const message = `"${name}" is ${Array.isArray(value) ? 'a list' : 'an object'}: print it with {{json ${name}}} or go through it with {{#each}}`
    throw new AppError('invalid_request', message, { param: `variables.${name}` })
  }
  return String(value)
}

export const jsonText = (value: unknown, indent: unknown): string =>
  JSON.stringify(value, undefined, typeof indent === 'number' || typeof indent === 'string' ? indent : undefined) ?? ''

const compilePath = (path: PathExpression, names: Names): Value => {
  const { depth, data } = path
  const parts = path.parts
  if (data) return compileData(path)
  const [first, ...rest] = parts
  if (first !== undefined && depth === 0 && !/^\.|^this\b/.test(path.original) && names.some((level) => level.includes(first))) {
    return (scope) => walk(localOf(scope, first), rest)
  }
  if (depth === 0 && first !== undefined && rest.length === 0) return (scope) => ownProperty(scope.context, first)
  return (scope) => {
    let at: Scope | undefined = scope
    for (let up = 0; up < depth; up += 1) at = at?.parent
    return walk(at?.context, parts)
  }
}

const compileData = ({ parts: [first, ...rest], depth }: PathExpression): Value => {
  if (first === undefined) return () => undefined
  return (scope) => {
    let frame: Frame | undefined = scope.frame
    for (let up = 0; up < depth; up += 1) frame = frame?.parent
    while (frame !== undefined && !Object.hasOwn(frame.values, first)) frame = frame.parent
    return walk(frame?.values[first], rest)
  }
}

const localOf = (scope: Scope, name: string): unknown => {
  let at: Scope | undefined = scope
  while (at !== undefined && !(at.locals && Object.hasOwn(at.locals, name))) at = at.parent
  return at?.locals?.[name]
}

const walk = (start: unknown, parts: readonly string[]): unknown => {
  let value = start
  for (const part of parts) value = ownProperty(value, part)
  return value
}

const compileSubExpression = (expression: SubExpression, names: Names, report: Report): Value => {
  const name = expression.path.type === 'PathExpression' ? expression.path.original : ''
  const value = compileValueHelper(name, expression, names, report)
  if (value) return value
  report(expression, 'unknown-helper', `"${name}" cannot be used inside another call; json and lookup can`)
  return () => undefined
}

/** `json` and `lookup`, the helpers that make a value; undefined for any other name. */
export const compileValueHelper = (name: string, call: Call, names: Names, report: Report): Value | undefined => {
  const [first, second] = call.params.map((param) => compileExpression(param, names, report))
  switch (name) {
    case 'json': {
      if (first === undefined || second !== undefined)
        report(call, 'helper-arguments', 'json takes one value: {{json value}} or {{json value indent=2}}')
      for (const pair of call.hash?.pairs ?? [])
        if (pair.key !== 'indent') report(pair, 'helper-arguments', `json knows indent, not "${pair.key}"`)
      const indent = hashValue(call, 'indent', names, report)
      return (scope) => jsonText(first?.(scope), indent?.(scope))
    }
    case 'lookup':
      if (first === undefined || second === undefined || call.params.length > 2)
        report(call, 'helper-arguments', 'lookup takes a map and a key')
      return (scope) => ownProperty(first?.(scope), String(second?.(scope)))
    default:
      return undefined
  }
}

export const hashValue = (call: Pick<Call, 'hash'>, key: string, names: Names, report: Report): Value | undefined => {
  const pair = call.hash?.pairs.find((item) => item.key === key)
  return pair && compileExpression(pair.value, names, report)
}
