import { AppError } from '../lib/errors.ts'
import type { ChatMessage, ResponseFormat, Sampling, Tool } from '../models/chat-model.ts'
import type { Run } from './blocks.ts'
import { closureHash, type FindPartial, type Pins, partialPath, pinPartials } from './closure.ts'
import { compileTemplate } from './compile.ts'
import { type PromptFile, parsePromptFile } from './file.ts'
import { compileInputs } from './inputs.ts'
import { createMessageWriter, type RoleMetadata } from './messages.ts'
import { type PromptSettings, readSettings } from './settings.ts'
import { traceVariables, type VariableUse } from './variables.ts'

/** One version of a prompt, read and ready to render. Rendering is synchronous and touches nothing outside. */
export type Prompt = {
  readonly name: string
  readonly closureHash: string
  readonly file: PromptFile
  readonly pins: Pins
  readonly settings: PromptSettings
  /** Throws `invalid_request` naming the variable when one is missing, wrongly typed or unknown. */
  render(request: RenderRequest): RenderedPrompt
}

export type RenderRequest = {
  variables: Record<string, unknown>
  /** Earlier messages, for `{{history}}`; without that tag they go before the last message when it is the user's, else to the end. */
  history?: ChatMessage[] | undefined
  /** Values of `@name` in the template, such as `{ auth: { email } }` for `{{@auth.email}}`: what the application knows, not what a user typed. */
  context?: Record<string, unknown> | undefined
  /** Content for `{{section "name"}}`. */
  sections?: Record<string, string> | undefined
}

export type RenderedPrompt = {
  name: string
  closureHash: string
  model: string | undefined
  messages: ChatMessage[]
  /** `metadata[i]` is what the template said about `messages[i]`, as in `{{role "user" purpose="example"}}`. */
  metadata: (RoleMetadata | undefined)[]
  sampling: Sampling
  tools: Tool[]
  responseFormat: ResponseFormat | undefined
}

/** The text of a version and of the partials pinned to it. */
export type PromptSource = { name: string; path: string; text: string; partials: Record<string, string> }

/** Reads a version kept with its partials. Throws PromptFileError. */
export const openPrompt = (source: PromptSource): Prompt =>
  readPrompt(source, (name) => {
    const text = Object.hasOwn(source.partials, name) ? source.partials[name] : undefined
    return text === undefined ? undefined : { name, path: partialPath(name), text }
  })

/** Reads a prompt, with partials from wherever `find` has them. Throws PromptFileError. */
export const readPrompt = ({ name, path, text }: Omit<PromptSource, 'partials'>, find: FindPartial): Prompt => {
  const file = parsePromptFile(path, text)
  const settings = readSettings(file, name)
  const pins = pinPartials(file.template, find)
  const hash = closureHash(file, pins)
  let renderer: Renderer | undefined
  return {
    name,
    closureHash: hash,
    file,
    settings,
    pins,
    render(request) {
      renderer ??= createRenderer(file, pins, settings)
      const { messages, metadata } = renderer(request)
      const { model, sampling, tools, responseFormat } = settings
      return { name, closureHash: hash, model, messages, metadata, sampling, tools, responseFormat }
    },
  }
}

/** Templates of the pinned partials, by name. */
export const templatesOf = (pins: Pins) => new Map([...pins].map(([name, { template }]) => [name, template]))

type Renderer = (request: RenderRequest) => { messages: ChatMessage[]; metadata: (RoleMetadata | undefined)[] }

/** Compiling costs a few milliseconds, so it waits for the first rendering of a version. */
const createRenderer = (file: PromptFile, pins: Pins, settings: PromptSettings): Renderer => {
  const partials = templatesOf(pins)
  const run: Run = compileTemplate(file.template, partials)
  const use = traceVariables(file.template, partials, settings.input.schema)
  const check = settings.input.schema
    ? compileInputs(settings.input.schema, settings.input.defaults)
    : undeclaredInputs(use, settings.input.defaults)
  return ({ variables, history = [], context = {}, sections = {} }) => {
    const inputs = check(variables)
    for (const name of use.context) {
      if (!Object.hasOwn(context, name))
        throw new AppError('invalid_request', `the prompt reads @${name} and was given none`, { param: `context.${name}` })
    }
    const out = createMessageWriter({ history, sections })
    run({ context: inputs, parent: undefined, frame: { values: { ...context, root: inputs }, parent: undefined }, locals: undefined }, out)
    const written = out.end()
    if (written.messages.length === 0) throw new AppError('invalid_request', 'the prompt rendered to no message at all')
    return written
  }
}

/** Without a schema every name the template reads must be given, and no other. */
const undeclaredInputs =
  (use: VariableUse, defaults: Record<string, unknown>) =>
  (variables: Record<string, unknown>): Record<string, unknown> => {
    const inputs = { ...defaults, ...variables }
    for (const name of use.inputs?.keys() ?? []) {
      if (!Object.hasOwn(inputs, name))
        throw new AppError('invalid_request', `variable "${name}" is missing`, { param: `variables.${name}` })
    }
    const unknown = use.inputs && Object.keys(variables).find((name) => !use.inputs?.has(name))
    if (unknown !== undefined)
      throw new AppError('invalid_request', `variable "${unknown}" is not an input of this prompt`, { param: `variables.${unknown}` })
    return inputs
  }
