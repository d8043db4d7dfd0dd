import { compileExpression, hashValue, isScoped, type Names, type Report, type Scope, type Value } from './expressions.ts'
import type { MessageWriter } from './messages.ts'
import type { BlockStatement, Program } from './template.ts'

/** A template, or a piece of one, ready to run. */
export type Run = (scope: Scope, out: MessageWriter) => void

/** What a piece of a template needs of the rest in order to be compiled. */
export type Compiler = {
  report: Report
  partial(name: string): Run | undefined
  program(program: Program | undefined, names: Names): Run
}

/** `{{#if}}`, `{{#unless}}`, `{{#each}}`, `{{#with}}`, `{{#ifEquals}}`, `{{#unlessEquals}}`, each with its `{{else}}`. */
export const compileBlock = (block: BlockStatement, names: Names, compiler: Compiler): Run | undefined => {
  const { path } = block
  const name = path.type === 'PathExpression' && !isScoped(path) ? path.original : undefined
  const helper = name === undefined ? undefined : blockHelpers[name]
  if (helper === undefined) {
    const known = Object.keys(blockHelpers).map((key) => `#${key}`)
    compiler.report(
      block,
      'unknown-helper',
      `unknown block "${String('original' in path ? path.original : '')}"; known: ${known.join(', ')}`,
    )
    return undefined
  }
  const takes = name?.endsWith('Equals') ? 2 : 1
  if (block.params.length !== takes) {
    compiler.report(block, 'helper-arguments', `#${name} takes ${takes === 1 ? 'one value' : 'two values'}`)
    return undefined
  }
  for (const pair of block.hash?.pairs ?? []) {
    if (pair.key !== 'includeZero' || (name !== 'if' && name !== 'unless'))
      compiler.report(pair, 'helper-arguments', `#${name} does not know "${pair.key}"`)
  }
  const [first, second] = block.params.map((param) => compileExpression(param, names, compiler.report))
  if (first === undefined) return undefined
  return helper({
    first,
    second: second ?? (() => undefined),
    includeZero: hashValue(block, 'includeZero', names, compiler.report) ?? (() => false),
    parameters: block.program?.blockParams ?? [],
    main: compiler.program(block.program, [block.program?.blockParams ?? [], ...names]),
    otherwise: compiler.program(block.inverse, names),
  })
}

type Block = { first: Value; second: Value; includeZero: Value; parameters: readonly string[]; main: Run; otherwise: Run }

/** The only blocks there are; `{{#name}}` over any other name is a lint error rather than an implied section. */
export const blockHelpers: Record<string, (block: Block) => Run> = {
  if: ({ first, includeZero, main, otherwise }) => either((scope) => holds(first(scope), includeZero(scope)), main, otherwise),
  unless: ({ first, includeZero, main, otherwise }) => either((scope) => !holds(first(scope), includeZero(scope)), main, otherwise),
  ifEquals: ({ first, second, main, otherwise }) => either((scope) => first(scope) === second(scope), main, otherwise),
  unlessEquals: ({ first, second, main, otherwise }) => either((scope) => first(scope) !== second(scope), main, otherwise),
  with:
    ({ first, parameters, main, otherwise }) =>
    (scope, out) => {
      const value = first(scope)
      if (isEmpty(value)) otherwise(scope, out)
      else main({ context: value, parent: scope, frame: scope.frame, locals: localsOf(parameters, [value]) }, out)
    },
  each:
    ({ first, parameters, main, otherwise }) =>
    (scope, out) => {
      const value = first(scope)
      const entries: [string | number, unknown][] = Array.isArray(value)
        ? value.map((item, index) => [index, item])
        : value !== null && typeof value === 'object'
          ? Object.entries(value)
          : []
      if (entries.length === 0) otherwise(scope, out)
      for (const [index, [key, item]] of entries.entries()) {
        const values = { index, key, first: index === 0, last: index === entries.length - 1 }
        main({ context: item, parent: scope, frame: { values, parent: scope.frame }, locals: localsOf(parameters, [item, key]) }, out)
      }
    },
}

const either =
  (test: (scope: Scope) => boolean, main: Run, otherwise: Run): Run =>
  (scope, out) =>
    test(scope) ? main(scope, out) : otherwise(scope, out)

/** Handlebars' idea of truth: null, false, the empty text, NaN, the empty list, and 0 unless asked to count it. */
const holds = (value: unknown, includeZero: unknown): boolean => !isEmpty(value) && (value !== 0 || includeZero === true)

const isEmpty = (value: unknown): boolean => (Array.isArray(value) ? value.length === 0 : !value && value !== 0)

const localsOf = (names: readonly string[], values: unknown[]): Record<string, unknown> | undefined =>
  names.length === 0 ? undefined : Object.fromEntries(names.map((name, index) => [name, values[index]]))
