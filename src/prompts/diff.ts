import { createTwoFilesPatch } from 'diff'
import { toAppError } from '../lib/errors.ts'
import { canonicalJson } from '../lib/hash.ts'
import type { ChatMessage } from '../models/chat-model.ts'
import type { Prompt, RenderRequest } from './prompt.ts'

/** Three looks at what changes between two versions: what was typed, what the settings mean, and what models will read. */
export type PromptDiff = { source: string; settings: SettingChange[]; rendered: RenderedChange[] }

/** A unified patch of two texts; empty when they are the same. */
export const diffText = (from: { title: string; text: string }, to: { title: string; text: string }): string =>
  from.text === to.text ? '' : createTwoFilesPatch(from.title, to.title, from.text, to.text, undefined, undefined, { context: 3 })

/** Sources of two versions, pinned partials included: a version may differ from the one before in a partial alone. */
export const diffSources = (from: VersionText, to: VersionText): string => {
  const names = [...new Set([...Object.keys(from.partials), ...Object.keys(to.partials)])].sort()
  const texts = (version: VersionText, name: string) => ({
    title: `partial ${name} (version ${version.version})`,
    text: version.partials[name] ?? '',
  })
  const title = (version: VersionText) => ({ title: `${version.path} (version ${version.version})`, text: version.text })
  return [diffText(title(from), title(to)), ...names.map((name) => diffText(texts(from, name), texts(to, name)))]
    .filter((patch) => patch !== '')
    .join('\n')
}

export type VersionText = { path: string; version: number; text: string; partials: Record<string, string> }

/** `undefined` on one side: the setting was added or removed. */
export type SettingChange = { path: string; from: unknown; to: unknown }

/** Front matter by meaning: defaults, spelling of keys, order and layout do not count. Paths such as `sampling.temperature`, `input.schema.properties.q.type`. */
export const diffSettings = (from: Prompt, to: Prompt): SettingChange[] => compare('', comparable(from), comparable(to))

/** A set of inputs to render both versions with, such as the cases of an eval suite. */
export type RenderCase = RenderRequest & { name: string }

/** `from` and `to` are the messages as text, or the error that rendering ends in; `patch` is empty when a case renders the same. */
export type RenderedChange = { name: string; from: string; to: string; patch: string }

export const diffRendered = (from: Prompt, to: Prompt, cases: readonly RenderCase[]): RenderedChange[] =>
  cases.map(({ name, ...request }) => {
    const [before, after] = [renderedText(from, request), renderedText(to, request)]
    return {
      name,
      from: before,
      to: after,
      patch: diffText({ title: `${name} (from)`, text: before }, { title: `${name} (to)`, text: after }),
    }
  })

/** Messages as people read them: the role on a line of its own, then the content. */
export const messagesText = (messages: readonly ChatMessage[]): string =>
  messages.map((message) => `[${message.role}]\n${contentText(message)}`).join('\n')

const contentText = ({ content }: ChatMessage): string =>
  typeof content === 'string'
    ? `${content.replace(/\n$/, '')}\n`
    : (content ?? []).map((part) => (part.type === 'text' ? part.text : `<image ${part.url}>`)).join('\n')

const renderedText = (prompt: Prompt, request: RenderRequest): string => {
  try {
    return messagesText(prompt.render(request).messages)
  } catch (error) {
    return `error: ${toAppError(error).message}\n`
  }
}

const comparable = ({ settings }: Prompt): unknown => ({
  ...settings,
  tools: Object.fromEntries(settings.tools.map((tool) => [tool.name, tool])),
})

const compare = (path: string, from: unknown, to: unknown): SettingChange[] => {
  if (canonicalJson(from) === canonicalJson(to)) return []
  if (!isRecord(from) || !isRecord(to)) return [{ path, from, to }]
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((key) =>
    compare(path === '' ? key : `${path}.${key}`, from[key], to[key]),
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
