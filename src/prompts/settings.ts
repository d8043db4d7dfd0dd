import type { JsonSchema, ResponseFormat, Sampling, Tool } from '../models/chat-model.ts'
import type { PromptFile } from './file.ts'
import { SchemaError, toJsonSchema } from './picoschema.ts'
import { type Problem, type ProblemRule, PromptFileError } from './problem.ts'

/** What the front matter of a prompt means to the server. */
export type PromptSettings = {
  /** The model the author had in mind; a route's variant may choose another. */
  model: string | undefined
  description: string | undefined
  sampling: Sampling
  input: { schema: JsonSchema | undefined; defaults: Record<string, unknown> }
  responseFormat: ResponseFormat | undefined
  tools: Tool[]
  /** Keys with a dot, gathered by namespace: `weir.owner: search` is `{ weir: { owner: 'search' } }`. */
  extensions: Record<string, Record<string, unknown>>
}

/** Throws PromptFileError with every fault of the front matter. */
export const readSettings = (file: PromptFile, promptName: string): PromptSettings => {
  const problems: Problem[] = []
  const reader = new Reader(file, problems)
  const settings: PromptSettings = {
    model: reader.text(['model']),
    description: reader.text(['description']),
    sampling: readSampling(reader),
    input: readInput(reader),
    responseFormat: readOutput(reader, promptName),
    tools: readTools(reader),
    extensions: readExtensions(reader),
  }
  const name = reader.text(['name'])
  if (name !== undefined && name !== promptName)
    reader.problem(['name'], 'name', `the path names this prompt "${promptName}", not "${name}"`)
  if (problems.length > 0) throw new PromptFileError(problems)
  return settings
}

/** dotprompt's keys; `variant` and `version` belong to the path and the registry, `raw` and `ext` to other readers of the file. */
const topKeys = ['model', 'description', 'config', 'input', 'output', 'tools', 'toolDefs', 'name', 'metadata']

class Reader {
  readonly #file: PromptFile
  readonly #problems: Problem[]

  constructor(file: PromptFile, problems: Problem[]) {
    this.#file = file
    this.#problems = problems
  }

  get keys(): string[] {
    return Object.keys(this.#file.frontMatter)
  }

  problem(keys: (string | number)[], rule: ProblemRule, message: string): void {
    this.#problems.push(this.#file.problemAt(keys, rule, message))
  }

  get(keys: (string | number)[]): unknown {
    return keys.reduce<unknown>(
      (value, key) => (isRecord(value) || Array.isArray(value) ? (value as Record<string, unknown>)[key] : undefined),
      this.#file.frontMatter,
    )
  }

  text(keys: (string | number)[], rule: ProblemRule = 'front-matter'): string | undefined {
    const value = this.get(keys)
    if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
    this.problem(keys, rule, `${keys.join('.')} must be text`)
    return undefined
  }

  /** A map with none but the known keys; empty when absent. */
  map(keys: (string | number)[], known: readonly string[] | undefined, rule: ProblemRule): Record<string, unknown> {
    const value = this.get(keys) ?? {}
    if (!isRecord(value)) {
      this.problem(keys, rule, `${keys.join('.')} must be a map`)
      return {}
    }
    for (const key of known ? Object.keys(value).filter((key) => !known.includes(key)) : []) {
      this.problem([...keys, key], rule, `unknown key "${[...keys, key].join('.')}"; known: ${known?.join(', ')}`)
    }
    return value
  }

  schema(keys: (string | number)[]): JsonSchema | undefined {
    const value = this.get(keys)
    if (value === undefined || value === null) return undefined
    try {
      return toJsonSchema(value)
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error
      this.problem([...keys, ...error.path], 'schema', error.message)
      return undefined
    }
  }
}

type SamplingReader = { [Key in keyof Sampling]-?: { names: string[]; valid: (value: unknown) => boolean; expected: string } }

const number = (low: number, high: number) => ({
  valid: (value: unknown) => typeof value === 'number' && value >= low && value <= high,
  expected: `a number from ${low} to ${high}`,
})
const integer = (low: number, high: number) => ({
  valid: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high,
  expected: `a whole number from ${low} to ${high}`,
})

/** dotprompt's names first, then OpenAI's. */
const samplingKeys: SamplingReader = {
  maxTokens: { names: ['maxOutputTokens', 'max_tokens'], ...integer(1, 1_000_000) },
  temperature: { names: ['temperature'], ...number(0, 2) },
  topP: { names: ['topP', 'top_p'], ...number(0, 1) },
  seed: { names: ['seed'], ...integer(-(2 ** 53) + 1, 2 ** 53 - 1) },
  stop: {
    names: ['stopSequences', 'stop'],
    valid: (value) => Array.isArray(value) && value.length <= 4 && value.every((item) => typeof item === 'string' && item !== ''),
    expected: 'a list of at most 4 texts',
  },
  frequencyPenalty: { names: ['frequencyPenalty', 'frequency_penalty'], ...number(-2, 2) },
  presencePenalty: { names: ['presencePenalty', 'presence_penalty'], ...number(-2, 2) },
  logitBias: {
    names: ['logitBias', 'logit_bias'],
    valid: (value) => isRecord(value) && Object.values(value).every((item) => typeof item === 'number' && Math.abs(item) <= 100),
    expected: 'a map of token ids to numbers from -100 to 100',
  },
  topLogprobs: { names: ['topLogprobs', 'top_logprobs'], ...integer(0, 20) },
}

const readSampling = (reader: Reader): Sampling => {
  const known = Object.values(samplingKeys).flatMap(({ names }) => names)
  const config = reader.map(['config'], known, 'config')
  const sampling: Record<string, unknown> = {}
  for (const [key, { names, valid, expected }] of Object.entries(samplingKeys)) {
    for (const name of names) {
      const value = config[name]
      if (value === undefined || value === null) continue
      if (!valid(value)) reader.problem(['config', name], 'config', `config.${name} must be ${expected}`)
      else if (key in sampling) reader.problem(['config', name], 'config', `config.${name} says again what config.${names[0]} says`)
      else sampling[key] = value
    }
  }
  return sampling as Sampling
}

const readInput = (reader: Reader): PromptSettings['input'] => {
  reader.map(['input'], ['schema', 'default'], 'schema')
  const schema = reader.schema(['input', 'schema'])
  if (schema !== undefined && schema.type !== 'object' && !('$ref' in schema)) {
    reader.problem(['input', 'schema'], 'schema', 'input.schema must describe an object: one field per variable')
  }
  return { schema, defaults: reader.map(['input', 'default'], undefined, 'schema') }
}

const readOutput = (reader: Reader, promptName: string): ResponseFormat | undefined => {
  reader.map(['output'], ['format', 'schema'], 'output')
  const format = reader.text(['output', 'format'], 'output')
  const schema = reader.schema(['output', 'schema'])
  if (format !== undefined && format !== 'json' && format !== 'text')
    reader.problem(['output', 'format'], 'output', 'output.format must be json or text')
  if (format === 'text' && schema) reader.problem(['output', 'schema'], 'output', 'output.schema needs output.format: json')
  if (schema) return { type: 'json-schema', name: promptName.replace(/[^A-Za-z0-9_-]/g, '_').slice(-64), schema, strict: isStrict(schema) }
  if (format === 'json') return { type: 'json-object' }
  return format === 'text' ? { type: 'text' } : undefined
}

/** Whether hosts may hold the answer to the schema to the letter: every object closed and every field required. */
const isStrict = (schema: unknown): boolean => {
  if (Array.isArray(schema)) return schema.every(isStrict)
  if (!isRecord(schema)) return true
  if (isRecord(schema.properties)) {
    const required = Array.isArray(schema.required) ? schema.required : []
    if (schema.additionalProperties !== false) return false
    if (!Object.keys(schema.properties).every((key) => required.includes(key))) return false
  }
  return Object.values(schema).every(isStrict)
}

const readTools = (reader: Reader): Tool[] => {
  const names = reader.get(['tools']) ?? []
  const definitions = reader.get(['toolDefs']) ?? []
  if (!Array.isArray(names)) reader.problem(['tools'], 'tools', 'tools must be a list of names defined under toolDefs')
  if (!Array.isArray(definitions)) reader.problem(['toolDefs'], 'tools', 'toolDefs must be a list')
  if (!Array.isArray(names) || !Array.isArray(definitions)) return []
  const defined = new Map<string, Tool>()
  for (const index of definitions.keys()) {
    reader.map(['toolDefs', index], ['name', 'description', 'inputSchema', 'outputSchema'], 'tools')
    const name = reader.text(['toolDefs', index, 'name'], 'tools')
    if (name === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      reader.problem(['toolDefs', index, 'name'], 'tools', 'a tool needs a name of letters, digits, _ and -')
      continue
    }
    if (defined.has(name)) reader.problem(['toolDefs', index, 'name'], 'tools', `tool "${name}" is defined twice`)
    defined.set(name, {
      name,
      description: reader.text(['toolDefs', index, 'description'], 'tools'),
      parameters: reader.schema(['toolDefs', index, 'inputSchema']),
    })
  }
  return names.flatMap((name, index) => {
    const tool = defined.get(String(name))
    if (tool === undefined) reader.problem(['tools', index], 'tools', `tool "${name}" is not defined under toolDefs`)
    return tool ?? []
  })
}

const readExtensions = (reader: Reader): PromptSettings['extensions'] => {
  const extensions: PromptSettings['extensions'] = {}
  for (const key of reader.keys) {
    const dot = key.lastIndexOf('.')
    if (dot > 0) {
      const namespace = key.slice(0, dot)
      extensions[namespace] = { ...extensions[namespace], [key.slice(dot + 1)]: reader.get([key]) }
    } else if (!topKeys.includes(key)) {
      reader.problem(
        [key],
        'front-matter',
        `unknown key "${key}"; known: ${topKeys.join(', ')}, and your own with a dot, such as team.${key}`,
      )
    }
  }
  return extensions
}

const isRecord = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
