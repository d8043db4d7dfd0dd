import { findPii, type PiiKind, replacePii } from '../../lib/pii.ts'
import type { ChatMessage, ToolCall } from '../../models/chat-model.ts'

/** A message as OpenAI's API and its fine-tuning files write it; texts only. */
export type DatasetMessage =
  | { role: 'system' | 'user'; content: string }
  | AssistantMessage
  | { role: 'tool'; content: string; tool_call_id: string }

export type AssistantMessage = { role: 'assistant'; content: string | null; tool_calls?: WrittenToolCall[] }

type WrittenToolCall = { id: string; type: 'function'; function: { name: string; arguments: string } }

/** A client's own messages and variables. */
export type DatasetSaid = { messages: DatasetMessage[]; variables: Record<string, unknown> | null }

/** Takes personal data and secrets out of texts, and counts what it took by kind. */
export type Redaction = { readonly counts: Record<string, number>; text(text: string): string }

export const createRedaction = (kinds: readonly PiiKind[]): Redaction => {
  const counts: Record<string, number> = {}
  return {
    counts,
    text: (text) => {
      const found = findPii(text, { kinds })
      for (const { kind } of found) counts[kind] = (counts[kind] ?? 0) + 1
      return found.length === 0 ? text : replacePii(text, found)
    },
  }
}

/** A recorded message, redacted. Undefined for one with images: nothing could be redacted in them. */
export const toDatasetMessage = (message: ChatMessage, redaction: Redaction): DatasetMessage | undefined => {
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: redaction.text(message.content) }
    case 'tool':
      return { role: 'tool', content: redaction.text(message.content), tool_call_id: message.toolCallId }
    case 'assistant':
      return toAssistantMessage({ text: message.content ?? '', toolCalls: message.toolCalls ?? [] }, redaction)
    case 'user': {
      const parts = typeof message.content === 'string' ? [{ type: 'text' as const, text: message.content }] : message.content
      const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      return texts.length < parts.length ? undefined : { role: 'user', content: redaction.text(texts.join('\n')) }
    }
  }
}

export const toAssistantMessage = (said: { text: string; toolCalls: readonly ToolCall[] }, redaction: Redaction): AssistantMessage => {
  const calls = said.toolCalls.map(({ id, name, arguments: json }): WrittenToolCall => {
    return { id, type: 'function', function: { name, arguments: redaction.text(json) } }
  })
  return {
    role: 'assistant',
    content: said.text === '' && calls.length > 0 ? null : redaction.text(said.text),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  }
}

/** Every text within a value, redacted. */
export const redactValue = (value: unknown, redaction: Redaction): unknown => {
  if (typeof value === 'string') return redaction.text(value)
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redaction))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactValue(item, redaction)]))
}
