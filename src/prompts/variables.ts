import type { JsonSchema } from '../models/chat-model.ts'
import { isScoped } from './expressions.ts'
import type { Problem, ProblemRule } from './problem.ts'
import {
  type Expression,
  type Located,
  type PartialStatement,
  type PathExpression,
  type Program,
  partialName,
  positionOf,
  type Template,
} from './template.ts'

/** The names a template reads of its surroundings. */
export type VariableUse = {
  /** Top-level inputs by the place of their first use. `undefined` when the template reads its whole context, as `{{json this}}` does. */
  inputs: Map<string, { file: string; line: number; column: number }> | undefined
  /** `@name` values that the caller of the prompt must give as context. */
  context: Set<string>
  sections: Set<string>
  problems: Problem[]
}

/**
 * Walks a template and its partials with the input schema in hand and finds variables that nothing declares, and structures printed
 * where text belongs. Without a schema it only collects names.
 */
export const traceVariables = (
  template: Template,
  partials: ReadonlyMap<string, Template>,
  schema: JsonSchema | undefined,
): VariableUse => {
  const use: Walk = { inputs: new Map(), context: new Set(), sections: new Set(), problems: [], whole: false, root: schema, partials }
  const root: View = { shape: schema, parent: undefined, locals: undefined, isRoot: true }
  walkProgram(template.program, root, template, use)
  return { inputs: use.whole ? undefined : use.inputs, context: use.context, sections: use.sections, problems: use.problems }
}

/** A schema, or undefined where anything may stand. */
type Shape = JsonSchema | undefined
type View = {
  shape: Shape
  parent: View | undefined
  locals: Record<string, { shape: Shape }> | undefined
  /** Whether the fields of this context are the prompt's inputs. */
  isRoot: boolean
  /** Arguments laid over the context by `{{> partial key=value}}`. */
  overlay?: Record<string, { shape: Shape }> | undefined
}
type Walk = {
  inputs: Map<string, { file: string; line: number; column: number }>
  context: Set<string>
  sections: Set<string>
  problems: Problem[]
  whole: boolean
  root: Shape
  partials: ReadonlyMap<string, Template>
}

const frameNames = new Set(['index', 'key', 'first', 'last'])

const walkProgram = (program: Program | undefined, view: View, template: Template, walk: Walk): void => {
  for (const statement of program?.body ?? []) {
    switch (statement.type) {
      case 'MustacheStatement': {
        const helper = statement.path.type === 'PathExpression' && !isScoped(statement.path) ? statement.path.original : undefined
        const [first] = statement.params
        if (helper === 'section' && first?.type === 'StringLiteral') walk.sections.add(first.value)
        for (const value of argumentsOf(statement)) readExpression(value, view, template, walk)
        // A name with arguments is a call: the compiler knows whether there is such a helper.
        if (statement.path.type !== 'PathExpression' || argumentsOf(statement).length > 0) break
        if (helper !== undefined && helperNames.has(helper)) break
        const shape = readPath(statement.path, view, template, walk)
        if (isStructure(shape)) {
          report(
            template,
            statement,
            walk,
            'unprintable-variable',
            `"${statement.path.original}" is a list or an object: print it with {{json ${statement.path.original}}}`,
          )
        }
        break
      }
      case 'BlockStatement': {
        const shapes = argumentsOf(statement).map((value) => readExpression(value, view, template, walk))
        const name = statement.path.type === 'PathExpression' ? statement.path.original : ''
        walkProgram(statement.program, innerView(name, shapes[0], statement.program?.blockParams ?? [], view), template, walk)
        walkProgram(statement.inverse, view, template, walk)
        break
      }
      case 'PartialStatement':
        walkPartial(statement, view, template, walk)
        break
      default:
    }
  }
}

const helperNames = new Set(['role', 'history', 'section', 'media', 'json', 'lookup'])

const innerView = (block: string, shape: Shape, blockParams: readonly string[], view: View): View => {
  if (block !== 'each' && block !== 'with') return view
  const item = block === 'with' ? shape : itemOf(shape)
  const [first, second] = blockParams
  const locals =
    first === undefined ? undefined : { [first]: { shape: item }, ...(second === undefined ? {} : { [second]: { shape: undefined } }) }
  return { shape: item, parent: view, locals, isRoot: false }
}

const walkPartial = (statement: PartialStatement, view: View, template: Template, walk: Walk): void => {
  const [param] = statement.params
  const overlay = Object.fromEntries(
    (statement.hash?.pairs ?? []).map(({ key, value }) => [key, { shape: readExpression(value, view, template, walk) }]),
  )
  const shape = param === undefined ? view.shape : readExpression(param, view, template, walk)
  const partial = walk.partials.get(partialName(statement) ?? '')
  if (partial === undefined) return
  const inherits = param === undefined
  const bare = inherits && statement.hash === undefined
  const inner: View = bare
    ? { ...view, locals: undefined }
    : {
        shape,
        parent: view,
        locals: undefined,
        isRoot: inherits && view.isRoot,
        overlay: { ...(inherits ? view.overlay : {}), ...overlay },
      }
  walkProgram(partial.program, inner, partial, walk)
}

const argumentsOf = (call: { params: Expression[]; hash?: { pairs: { value: Expression }[] } | undefined }): Expression[] => [
  ...call.params,
  ...(call.hash?.pairs ?? []).map((pair) => pair.value),
]

const readExpression = (expression: Expression, view: View, template: Template, walk: Walk): Shape => {
  if (expression.type === 'PathExpression') return readPath(expression, view, template, walk)
  if (expression.type === 'SubExpression') for (const value of argumentsOf(expression)) readExpression(value, view, template, walk)
  return undefined
}

const readPath = (path: PathExpression, view: View, template: Template, walk: Walk): Shape => {
  const [first, ...rest] = path.parts
  if (path.data) {
    if (first === 'root')
      return readFields({ shape: walk.root, parent: undefined, locals: undefined, isRoot: true }, rest, path, template, walk)
    if (first !== undefined && !frameNames.has(first)) walk.context.add(first)
    return undefined
  }
  const scoped = path.depth > 0 || /^\.|^this\b/.test(path.original)
  if (first !== undefined && !scoped) {
    for (let at: View | undefined = view; at !== undefined; at = at.parent) {
      const local = at.locals && Object.hasOwn(at.locals, first) ? at.locals[first] : undefined
      if (local) return readParts(local.shape, rest, path, template, walk)
    }
  }
  let at: View | undefined = view
  for (let up = 0; up < path.depth; up += 1) at = at?.parent
  if (at === undefined) {
    report(template, path, walk, 'undefined-variable', `"${path.original}" goes above the outermost context`)
    return undefined
  }
  return readFields(at, path.parts, path, template, walk)
}

const readFields = (view: View, parts: string[], path: PathExpression, template: Template, walk: Walk): Shape => {
  const [first, ...rest] = parts
  if (first === undefined) {
    if (view.isRoot) walk.whole = true
    return view.shape
  }
  const given = view.overlay && Object.hasOwn(view.overlay, first) ? view.overlay[first] : undefined
  if (given) return readParts(given.shape, rest, path, template, walk)
  if (view.isRoot && !walk.inputs.has(first)) walk.inputs.set(first, positionOf(template, path))
  return readParts(view.shape, parts, path, template, walk)
}

const readParts = (start: Shape, parts: string[], path: PathExpression, template: Template, walk: Walk): Shape => {
  let shape = start
  for (const part of parts) {
    const next = fieldOf(resolve(shape, walk.root), part)
    if (next === 'undeclared') {
      report(template, path, walk, 'undefined-variable', `"${path.original}": nothing declares "${part}" here`)
      return undefined
    }
    shape = next
  }
  return resolve(shape, walk.root)
}

const fieldOf = (shape: Shape, name: string): Shape | 'undeclared' => {
  if (shape === undefined || isOpen(shape)) return undefined
  const properties = shape.properties
  if (isRecord(properties)) {
    if (Object.hasOwn(properties, name)) return asShape(properties[name])
    return shape.additionalProperties === undefined || shape.additionalProperties === false
      ? 'undeclared'
      : asShape(shape.additionalProperties)
  }
  if (hasType(shape, 'object')) return shape.additionalProperties === false ? 'undeclared' : asShape(shape.additionalProperties)
  if (hasType(shape, 'array')) return /^\d+$/.test(name) ? itemOf(shape) : name === 'length' ? undefined : 'undeclared'
  if (hasType(shape, 'string') && name === 'length') return undefined
  return shape.type === undefined ? undefined : 'undeclared'
}

const itemOf = (shape: Shape): Shape => {
  if (shape === undefined) return undefined
  return hasType(shape, 'array') ? asShape(shape.items) : asShape(shape.additionalProperties)
}

/** Follows `$ref` within the schema; a reference elsewhere may be anything. */
const resolve = (shape: Shape, root: Shape): Shape => {
  const reference = shape?.$ref
  if (typeof reference !== 'string') return shape
  if (!reference.startsWith('#/')) return undefined
  const found = reference
    .slice(2)
    .split('/')
    .reduce<unknown>((value, part) => (isRecord(value) ? value[part.replace(/~1/g, '/').replace(/~0/g, '~')] : undefined), root)
  return asShape(found)
}

const isOpen = (shape: JsonSchema): boolean => ['anyOf', 'oneOf', 'allOf', 'if', '$ref'].some((key) => key in shape)
const hasType = (shape: JsonSchema, type: string): boolean =>
  shape.type === type || (Array.isArray(shape.type) && shape.type.includes(type))
const isStructure = (shape: Shape): boolean =>
  shape !== undefined && !isOpen(shape) && (hasType(shape, 'object') || hasType(shape, 'array'))
const asShape = (value: unknown): Shape => (isRecord(value) ? value : undefined)
const isRecord = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)

const report = (template: Template, node: Located, walk: Walk, rule: ProblemRule, message: string): void => {
  walk.problems.push({ ...positionOf(template, node), rule, message })
}
