import { LineCounter, parseDocument } from 'yaml'
import { type Problem, type ProblemRule, PromptFileError } from './problem.ts'
import { parseTemplate, type Template } from './template.ts'

/** A `.prompt` file taken apart: front matter as plain data, body as a template. What the front matter means is `settings.ts`. */
export type PromptFile = {
  path: string
  frontMatter: Record<string, unknown>
  body: string
  template: Template
  /** A problem at a key of the front matter, such as `['input', 'schema', 'question']`; at the nearest parent when the key is missing. */
  problemAt(keys: readonly (string | number)[], rule: ProblemRule, message: string): Problem
}

/**
 * Reads the dotprompt format: optional `#` licence lines, YAML front matter between `---` lines, Handlebars body.
 * With front matter the body loses its outer blank space, without it nothing. Throws PromptFileError.
 */
export const parsePromptFile = (path: string, source: string): PromptFile => {
  const text = normalised(source)
  const cut = cutFrontMatter(path, text)
  if (cut === undefined) {
    const problemAt = (_keys: readonly (string | number)[], rule: ProblemRule, message: string) => ({
      file: path,
      line: 1,
      column: 1,
      rule,
      message,
    })
    return { path, frontMatter: {}, body: text, template: parseTemplate(path, text), problemAt }
  }
  const { frontMatter, positionAt } = parseFrontMatter(path, cut.yaml, cut.yamlLine)
  const leading = /^\s*/.exec(cut.body)?.[0] ?? ''
  const body = cut.body.trim()
  const template = parseTemplate(path, body, cut.bodyLine + leading.split('\n').length - 1)
  return { path, frontMatter, body, template, problemAt: (keys, rule, message) => ({ file: path, ...positionAt(keys), rule, message }) }
}

/** A checkout on Windows, or an editor's byte order mark, does not make another version. */
export const normalised = (source: string): string => source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')

const cutFrontMatter = (path: string, text: string) => {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => !/^(#.*|\s*)$/.test(line))
  if (start < 0 || lines[start]?.trimEnd() !== '---') return undefined
  const end = lines.findIndex((line, index) => index > start && line.trimEnd() === '---')
  if (end < 0) {
    throw new PromptFileError([
      { file: path, line: start + 1, column: 1, rule: 'front-matter', message: 'the front matter opened here is never closed by ---' },
    ])
  }
  return { yaml: lines.slice(start + 1, end).join('\n'), yamlLine: start + 2, body: lines.slice(end + 1).join('\n'), bodyLine: end + 2 }
}

const parseFrontMatter = (file: string, yaml: string, firstLine: number) => {
  const lineCounter = new LineCounter()
  const document = parseDocument(yaml, { lineCounter, prettyErrors: false })
  const placeOf = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset)
    return { line: line + firstLine - 1, column: col }
  }
  const problems = [...document.errors, ...document.warnings].map(
    ({ message, pos }): Problem => ({ file, ...placeOf(pos[0]), rule: 'front-matter', message }),
  )
  if (problems.length > 0) throw new PromptFileError(problems)
  const frontMatter: unknown = document.toJS() ?? {}
  if (typeof frontMatter !== 'object' || frontMatter === null || Array.isArray(frontMatter)) {
    throw new PromptFileError([
      { file, line: firstLine, column: 1, rule: 'front-matter', message: 'the front matter must be a map of keys to values' },
    ])
  }
  const positionAt = (keys: readonly (string | number)[]): { line: number; column: number } => {
    for (let length = keys.length; length > 0; length -= 1) {
      const node = document.getIn(keys.slice(0, length), true) as { range?: [number, number, number] | null } | undefined
      if (node?.range) return placeOf(node.range[0])
    }
    return { line: firstLine, column: 1 }
  }
  return { frontMatter: frontMatter as Record<string, unknown>, positionAt }
}
