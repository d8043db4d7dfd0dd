import Handlebars from 'handlebars'
import { type Problem, PromptFileError } from './problem.ts'

/** A parsed Handlebars body. Whitespace control has been applied; positions are relative to `file`, counted from line 1. */
export type Template = { file: string; firstLine: number; program: Program }

export type Position = { line: number; column: number }
export type Located = { loc: { start: Position; end: Position } }
export type Program = { body: Statement[]; blockParams?: string[] | undefined }

export type Statement = ContentStatement | CommentStatement | MustacheStatement | BlockStatement | PartialStatement | UnsupportedStatement
export type ContentStatement = Located & { type: 'ContentStatement'; value: string }
export type CommentStatement = Located & { type: 'CommentStatement' }
export type Call = Located & { path: Expression; params: Expression[]; hash?: { pairs: HashPair[] } | undefined }
export type MustacheStatement = Call & { type: 'MustacheStatement' }
export type BlockStatement = Call & { type: 'BlockStatement'; program?: Program | undefined; inverse?: Program | undefined }
export type PartialStatement = Located & {
  type: 'PartialStatement'
  name: Expression
  params: Expression[]
  hash?: { pairs: HashPair[] } | undefined
  indent: string
}
export type UnsupportedStatement = Located & { type: 'PartialBlockStatement' | 'Decorator' | 'DecoratorBlock' }

export type HashPair = Located & { key: string; value: Expression }
export type Expression = PathExpression | SubExpression | Literal
export type PathExpression = Located & { type: 'PathExpression'; data: boolean; depth: number; parts: string[]; original: string }
export type SubExpression = Call & { type: 'SubExpression' }
export type Literal =
  | (Located & { type: 'StringLiteral'; value: string; original: string })
  | (Located & { type: 'NumberLiteral'; value: number; original: number })
  | (Located & { type: 'BooleanLiteral'; value: boolean; original: boolean })
  | (Located & { type: 'UndefinedLiteral'; original: undefined })
  | (Located & { type: 'NullLiteral'; original: null })

/** Parses a body that starts at `firstLine` of `file`. Throws PromptFileError for syntax errors and unmatched blocks. */
export const parseTemplate = (file: string, body: string, firstLine = 1): Template => {
  try {
    return { file, firstLine, program: Handlebars.parse(body) as Program }
  } catch (error) {
    throw new PromptFileError([syntaxProblem(file, body, firstLine, error as Error & { lineNumber?: number; column?: number })])
  }
}

/** Where a node stands in its file, columns from 1. */
export const positionOf = (template: { file: string; firstLine: number }, node: Located): { file: string } & Position => ({
  file: template.file,
  line: node.loc.start.line + template.firstLine - 1,
  column: node.loc.start.column + 1,
})

/** Names of the partials a template calls, each with the place of its first call. Calls with computed names are left to the compiler to refuse. */
export const partialCalls = (template: Template): Map<string, PartialStatement> => {
  const calls = new Map<string, PartialStatement>()
  const visit = (program: Program | undefined): void => {
    for (const statement of program?.body ?? []) {
      if (statement.type === 'PartialStatement') {
        const name = partialName(statement)
        if (name !== undefined && !calls.has(name)) calls.set(name, statement)
      } else if (statement.type === 'BlockStatement') {
        visit(statement.program)
        visit(statement.inverse)
      }
    }
  }
  visit(template.program)
  return calls
}

/** The fixed name of a partial call; undefined for `{{> (computed)}}`, which could not be pinned to a version. */
export const partialName = ({ name }: PartialStatement): string | undefined =>
  name.type === 'SubExpression' || name.original === undefined || name.original === null ? undefined : String(name.original)

const syntaxProblem = (
  file: string,
  body: string,
  firstLine: number,
  error: { message: string; lineNumber?: number; column?: number },
): Problem => {
  const place = (line: number, column: number) => ({ file, line: line + firstLine - 1, column })
  if (/doesn't match/.test(error.message)) {
    const message = error.message.replace(/ - \d+:\d+$/, '')
    return { ...place(error.lineNumber ?? 1, (error.column ?? 0) + 1), rule: 'unmatched-block', message }
  }
  const [, line = '1', , pointer = '', reason = 'unreadable'] =
    /^Parse error on line (\d+):\n(.*)\n(-*)\^\n(.*)$/s.exec(error.message) ?? []
  if (/got 'EOF'/.test(reason)) {
    const open = lastOpenBlock(body)
    if (open) return { ...place(open.line, open.column), rule: 'unmatched-block', message: `{{#${open.name}}} is never closed` }
  }
  if (/got 'OPEN_ENDBLOCK'/.test(reason))
    return { ...place(Number(line), 1), rule: 'unmatched-block', message: 'a closing tag without its opening tag' }
  return { ...place(Number(line), pointer.length + 1), rule: 'syntax', message: `cannot read the template: ${reason.split('\n')[0]}` }
}

/** Handlebars reports an unclosed block at the end of the text; the author wants the place where it was opened. */
const lastOpenBlock = (body: string): { name: string; line: number; column: number } | undefined => {
  const open: { name: string; index: number }[] = []
  for (const match of body.matchAll(/\{\{!--[\s\S]*?--\}\}|\{\{~?([#^/])>?\s*([^\s}~]+)/g)) {
    const [, mark, name] = match
    if (mark === '/') open.pop()
    else if (mark !== undefined && name !== undefined) open.push({ name, index: match.index })
  }
  const last = open.at(-1)
  if (last === undefined) return undefined
  const before = body.slice(0, last.index).split('\n')
  return { name: last.name, line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
