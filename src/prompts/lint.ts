import { setImmediate } from 'node:timers/promises'
import type { FindPartial, PartialSource } from './closure.ts'
import { compileTemplate } from './compile.ts'
import { compileInputs, compileSchema } from './inputs.ts'
import { distinctProblems, type Problem, type ProblemRule, PromptFileError } from './problem.ts'
import { type Prompt, readPrompt, templatesOf } from './prompt.ts'
import { parseTemplate } from './template.ts'
import { namePromptTree, partialFinder, type TreeFile } from './tree.ts'
import { traceVariables } from './variables.ts'

/** A prompt without faults, or the faults. */
export type LintResult = { prompt: Prompt; problems: [] } | { prompt: undefined; problems: Problem[] }

/** Reads a prompt as strictly as sync does. Problems come in the order of the file. */
export const lintPrompt = (source: { name: string; path: string; text: string }, find: FindPartial): LintResult => {
  let prompt: Prompt
  try {
    prompt = readPrompt(source, find)
  } catch (error) {
    if (!(error instanceof PromptFileError)) throw error
    return { prompt: undefined, problems: inOrder(error.problems) }
  }
  const problems = [...templateProblems(prompt), ...variableProblems(prompt), ...schemaProblems(prompt)]
  return problems.length === 0 ? { prompt, problems: [] } : { prompt: undefined, problems: inOrder(problems) }
}

/** The faults of a whole tree: names first, as without them there is no tree. */
export const lintTree = async (files: TreeFile[]): Promise<{ prompts: number; problems: Problem[] }> => {
  try {
    const tree = namePromptTree(files)
    const problems: Problem[] = []
    for (const file of tree.prompts.values()) {
      await setImmediate() // a server that lints is serving too
      problems.push(...lintPrompt(file, partialFinder(tree)).problems)
    }
    for (const partial of tree.partials.values()) problems.push(...syntaxProblems(partial))
    return { prompts: tree.prompts.size, problems: distinctProblems(problems) }
  } catch (error) {
    if (!(error instanceof PromptFileError)) throw error
    return { prompts: files.length, problems: error.problems }
  }
}

/** A partial that no prompt calls is read by nobody else. */
const syntaxProblems = ({ path, text }: PartialSource): Problem[] => {
  try {
    parseTemplate(path, text)
    return []
  } catch (error) {
    if (!(error instanceof PromptFileError)) throw error
    return error.problems
  }
}

const templateProblems = ({ file, pins }: Prompt): Problem[] => {
  const problems: Problem[] = []
  if (file.body.trim() === '') problems.push({ ...placeOfBody(file), rule: 'empty-body', message: 'the prompt has no body' })
  try {
    compileTemplate(file.template, templatesOf(pins))
  } catch (error) {
    if (!(error instanceof PromptFileError)) throw error
    problems.push(...error.problems)
  }
  return problems
}

const placeOfBody = (file: Prompt['file']) => ({ file: file.path, line: file.template.firstLine, column: 1 })

const variableProblems = ({ file, pins, settings }: Prompt): Problem[] => {
  const { schema } = settings.input
  const { inputs, problems } = traceVariables(file.template, templatesOf(pins), schema)
  if (schema === undefined) {
    const undeclared = [...(inputs ?? [])].map(
      ([name, place]): Problem => ({ ...place, rule: 'undefined-variable', message: `"${name}": declare it under input.schema` }),
    )
    return [...problems, ...undeclared]
  }
  const unused = Object.keys((schema.properties as Record<string, unknown> | undefined) ?? {}).filter((name) => inputs && !inputs.has(name))
  return [
    ...problems,
    ...unused.map((name) => file.problemAt(keysOfInput(file, name), 'unused-variable', `"${name}" is declared and never used`)),
  ]
}

/** Where the author declared an input: Picoschema has its fields at the top, as `name?(array)`, JSON Schema under `properties`. */
const keysOfInput = (file: Prompt['file'], name: string): string[] => {
  const { schema } = file.frontMatter.input as { schema: Record<string, unknown> }
  if (typeof schema.properties === 'object') return ['input', 'schema', 'properties', name]
  const key = Object.keys(schema).find((item) => item.replace(/\?.*|\(.*/s, '') === name)
  return ['input', 'schema', key ?? name]
}

/** Schemas that no validator accepts, and defaults that their own schema refuses. */
const schemaProblems = ({ file, settings }: Prompt): Problem[] => {
  const problems: Problem[] = []
  const attempt = (keys: string[], rule: ProblemRule, action: () => void) => {
    try {
      action()
    } catch (error) {
      problems.push(file.problemAt(keys, rule, error instanceof Error ? error.message : String(error)))
    }
  }
  const { schema, defaults } = settings.input
  if (schema) {
    attempt(['input', 'schema'], 'schema', () => compileSchema(schema))
    if (problems.length === 0 && Object.keys(defaults).length > 0) {
      attempt(['input', 'default'], 'schema', () => compileInputs({ ...schema, required: [] }, {})(defaults))
    }
  }
  const output = settings.responseFormat
  if (output?.type === 'json-schema') attempt(['output', 'schema'], 'schema', () => compileSchema(output.schema))
  for (const { name, parameters } of settings.tools)
    if (parameters) attempt(['toolDefs'], 'schema', () => void compileSchema({ title: name, ...parameters }))
  return problems
}

const inOrder = (problems: Problem[]): Problem[] =>
  problems.toSorted((left, right) => left.file.localeCompare(right.file) || left.line - right.line || left.column - right.column)
