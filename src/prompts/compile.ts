import { AppError } from '../lib/errors.ts'
import { type Compiler, compileBlock, type Run } from './blocks.ts'
import { compileExpression, compileValueHelper, hashValue, isScoped, type Names, printed, type Report, type Scope } from './expressions.ts'
import { type RoleMetadata, templateRoles } from './messages.ts'
import { type Problem, PromptFileError } from './problem.ts'
import type { Call, MustacheStatement, PartialStatement, Program, Statement, Template } from './template.ts'
import { partialName, positionOf } from './template.ts'

/**
 * Compiles a template and the partials it calls to closures, once; throws PromptFileError with every fault.
 * `partials` holds every partial reachable from the template, by name; circles are refused before, by `closure.ts`.
 */
export const compileTemplate = (template: Template, partials: ReadonlyMap<string, Template>): Run => {
  const problems: Problem[] = []
  const compiled = new Map<string, Run>()
  const compileOne = (one: Template): Run => {
    const report: Report = (node, rule, message) => problems.push({ ...positionOf(one, node), rule, message })
    const partial = (name: string): Run | undefined => {
      const source = partials.get(name)
      if (source === undefined) return undefined
      const run = compiled.get(name) ?? compileOne(source)
      compiled.set(name, run)
      return run
    }
    const compiler: Compiler = { report, partial, program: (program, names) => compileProgram(program, names, compiler) }
    return compiler.program(one.program, [])
  }
  const run = compileOne(template)
  if (problems.length > 0) throw new PromptFileError(problems)
  return run
}

const compileProgram = (program: Program | undefined, names: Names, compiler: Compiler): Run => {
  const runs = (program?.body ?? []).flatMap((statement) => compileStatement(statement, names, compiler) ?? [])
  const [only] = runs
  if (only && runs.length === 1) return only
  return (scope, out) => {
    for (const run of runs) run(scope, out)
  }
}

const compileStatement = (statement: Statement, names: Names, compiler: Compiler): Run | undefined => {
  switch (statement.type) {
    case 'ContentStatement': {
      const { value } = statement
      return value === '' ? undefined : (_scope, out) => out.text(value)
    }
    case 'CommentStatement':
      return undefined
    case 'MustacheStatement':
      return compileMustache(statement, names, compiler)
    case 'BlockStatement':
      return compileBlock(statement, names, compiler)
    case 'PartialStatement':
      return compilePartial(statement, names, compiler)
    case 'PartialBlockStatement':
    case 'Decorator':
    case 'DecoratorBlock':
      compiler.report(statement, 'unsupported', 'partial blocks and inline partials are not part of the format; write a partial file')
      return undefined
  }
}

const compileMustache = (statement: MustacheStatement, names: Names, { report }: Compiler): Run | undefined => {
  const { path, params } = statement
  if (path.type !== 'PathExpression') {
    report(statement, 'unsupported', 'a tag holds a variable or a call')
    return undefined
  }
  const called = params.length > 0 || (statement.hash?.pairs.length ?? 0) > 0
  if (!isScoped(path)) {
    const helper = messageHelpers[path.original]
    if (helper) return helper(statement, names, report)
    const value = compileValueHelper(path.original, statement, names, report)
    if (value) return (scope, out) => out.text(printed(value(scope), path.original))
  }
  if (called) {
    report(
      statement,
      'unknown-helper',
      `unknown helper "${path.original}"; known: ${[...Object.keys(messageHelpers), 'json', 'lookup'].join(', ')}`,
    )
    return undefined
  }
  const value = compileExpression(path, names, report)
  return (scope, out) => out.text(printed(value(scope), path.original))
}

/** The helpers that shape messages. Their names and roles come from the template as written, never from a value. */
const messageHelpers: Record<string, (call: MustacheStatement, names: Names, report: Report) => Run | undefined> = {
  role(call, _names, report) {
    const [name] = call.params
    const role = name?.type === 'StringLiteral' && call.params.length === 1 ? templateRoles.get(name.value) : undefined
    if (role === undefined) {
      report(call, 'helper-arguments', `role takes one of ${[...templateRoles.keys()].map((key) => `"${key}"`).join(', ')}, written out`)
      return undefined
    }
    const metadata = literalHash(call, report)
    return (_scope, out) => out.role(role, metadata)
  },
  history(call, _names, report) {
    if (call.params.length > 0 || call.hash) report(call, 'helper-arguments', 'history takes no arguments')
    return (_scope, out) => out.history()
  },
  section(call, _names, report) {
    const [name] = call.params
    if (name?.type !== 'StringLiteral' || call.params.length > 1) {
      report(call, 'helper-arguments', 'section takes one name: {{section "code"}}')
      return undefined
    }
    const { value } = name
    return (_scope, out) => out.section(value)
  },
  media(call, names, report) {
    const url = hashValue(call, 'url', names, report)
    const contentType = hashValue(call, 'contentType', names, report)
    for (const pair of call.hash?.pairs ?? []) {
      if (pair.key !== 'url' && pair.key !== 'contentType')
        report(pair, 'helper-arguments', `media knows url and contentType, not "${pair.key}"`)
    }
    if (url === undefined || call.params.length > 0) {
      report(call, 'helper-arguments', 'media takes a url: {{media url=photo}}')
      return undefined
    }
    return (scope, out) => out.part({ type: 'image', url: imageUrl(url(scope), contentType?.(scope)) })
  },
}

const literalHash = (call: Call, report: Report): RoleMetadata | undefined => {
  if (!call.hash) return undefined
  const metadata: RoleMetadata = {}
  for (const { key, value, ...pair } of call.hash.pairs) {
    if (value.type === 'StringLiteral' || value.type === 'NumberLiteral' || value.type === 'BooleanLiteral') metadata[key] = value.value
    else report(pair, 'helper-arguments', `"${key}" of a role must be written out: a value must not describe a message`)
  }
  return metadata
}

const imageUrl = (url: unknown, contentType: unknown): string => {
  if (typeof url !== 'string' || url === '') throw new AppError('invalid_request', 'media needs a url')
  if (contentType !== undefined && contentType !== null && !String(contentType).startsWith('image/')) {
    throw new AppError('invalid_request', `media of type "${String(contentType)}" cannot be sent; images can`)
  }
  return url
}

/** `{{> name}}` runs in the caller's scope; `{{> name value}}` in a value; `{{> name key=value}}` in a copy with more keys. */
const compilePartial = (statement: PartialStatement, names: Names, { report, partial }: Compiler): Run | undefined => {
  const name = partialName(statement)
  if (name === undefined) {
    report(statement, 'unsupported', 'the name of a partial must be written out, so that a version can pin it')
    return undefined
  }
  if (statement.params.length > 1) report(statement, 'helper-arguments', `partial "${name}" takes one value and named arguments`)
  const run = partial(name)
  if (run === undefined) return undefined
  const { indent } = statement
  const inner = partialScope(statement, names, report)
  if (indent === '') return (scope, out) => run(inner(scope), out)
  return (scope, out) => out.indented(indent, () => run(inner(scope), out))
}

const partialScope = ({ params: [param], hash }: PartialStatement, names: Names, report: Report): ((scope: Scope) => Scope) => {
  if (param === undefined && hash === undefined) return (scope) => scope
  const context = param && compileExpression(param, names, report)
  const more = (hash?.pairs ?? []).map(({ key, value }) => [key, compileExpression(value, names, report)] as const)
  return (scope) => {
    const base = context ? context(scope) : scope.context
    const merged = more.length === 0 ? base : Object.assign({}, base, Object.fromEntries(more.map(([key, value]) => [key, value(scope)])))
    return { context: merged, parent: scope, frame: scope.frame, locals: undefined }
  }
}
