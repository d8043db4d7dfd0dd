import { AppError } from '../lib/errors.ts'
import type { ChatMessage, ContentPart } from '../models/chat-model.ts'

export type PromptRole = 'system' | 'developer' | 'user' | 'assistant'
export type RoleMetadata = Record<string, string | number | boolean>

/** dotprompt's spelling of roles in a template. `tool` messages come from history alone: they answer a call by its id. */
export const templateRoles: ReadonlyMap<string, PromptRole> = new Map([
  ['system', 'system'],
  ['developer', 'developer'],
  ['user', 'user'],
  ['model', 'assistant'],
  ['assistant', 'assistant'],
])

/**
 * Where a template writes. A message begins only by a call of `role` or `history`, which the compiler makes for nodes of the template
 * and for nothing else; values arrive through `text`, which cannot begin one whatever it holds.
 */
export type MessageWriter = {
  text(value: string): void
  part(part: ContentPart): void
  role(role: PromptRole, metadata: RoleMetadata | undefined): void
  history(): void
  section(name: string): void
  /** Runs `body` with every line it writes indented, as Handlebars does for a partial that stands alone on its line. */
  indented(indent: string, body: () => void): void
}

/** `metadata[i]` belongs to `messages[i]`; messages taken over from the history carry `{ purpose: 'history' }`. */
export type WrittenMessages = { messages: ChatMessage[]; metadata: (RoleMetadata | undefined)[] }

export type Surroundings = {
  history: ChatMessage[]
  /** Content for `{{section "name"}}`. */
  sections: Record<string, string>
}

/** Blank text between roles makes no message; the first message is the user's until the template says otherwise. After dotprompt. */
export const createMessageWriter = ({ history, sections }: Surroundings): MessageWriter & { end(): WrittenMessages } => {
  const written: WrittenMessages = { messages: [], metadata: [] }
  let role: PromptRole = 'user'
  let metadata: RoleMetadata | undefined
  let text = ''
  let parts: ContentPart[] = []
  let historyPlaced = false
  let indent = ''
  let lineStart = false

  const endText = () => {
    if (text.trim() !== '') parts.push({ type: 'text', text })
    text = ''
  }
  const endMessage = () => {
    endText()
    if (parts.length === 0) return
    written.messages.push(messageOf(role, parts))
    written.metadata.push(metadata)
    parts = []
  }
  const placeHistory = (index: number) => {
    written.messages.splice(index, 0, ...history)
    written.metadata.splice(index, 0, ...history.map(() => ({ purpose: 'history' })))
    historyPlaced = true
  }
  const writer: MessageWriter = {
    text(value) {
      if (indent === '' || value === '') {
        text += value
        return
      }
      text += (lineStart ? indent : '') + value.replace(/\n(?=[\s\S])/g, `\n${indent}`)
      lineStart = value.endsWith('\n')
    },
    part(part) {
      endText()
      parts.push(part)
    },
    role(next, nextMetadata) {
      endMessage()
      role = next
      metadata = nextMetadata
      lineStart = false
    },
    history() {
      endMessage()
      placeHistory(written.messages.length)
      role = 'assistant'
      metadata = undefined
      lineStart = false
    },
    section(name) {
      const content = Object.hasOwn(sections, name) ? sections[name] : undefined
      if (content === undefined)
        throw new AppError('invalid_request', `the prompt has a section "${name}" and was given no content for it`, {
          param: `sections.${name}`,
        })
      writer.text(content)
    },
    indented(more, body) {
      const before = indent
      indent += more
      lineStart = true
      body()
      indent = before
      lineStart = lineStart && before !== ''
    },
  }
  return {
    ...writer,
    end() {
      endMessage()
      if (!historyPlaced && history.length > 0) {
        const last = written.messages.length - 1
        placeHistory(written.messages[last]?.role === 'user' ? last : last + 1)
      }
      return written
    },
  }
}

const messageOf = (role: PromptRole, parts: ContentPart[]): ChatMessage => {
  const text = parts.every((part) => part.type === 'text') ? parts.map((part) => part.text).join('') : undefined
  if (role === 'user') return { role, content: text ?? parts }
  if (text === undefined) throw new AppError('invalid_request', `media can stand in a user message only, not in one of role ${role}`)
  return { role, content: text }
}
