import type { ChatMessage, Tool } from '../../models/chat-model.ts'
import type { PromptRenderer, TemplateMessage } from './prompt.ts'
import { callEnd, callStart } from './tool-calls.ts'

/**
 * Prompt tokens of a conversation. Templates that know no tools get them as text, in the convention that `tool-calls.ts` reads;
 * templates that refuse a system message get it in front of the first user message.
 */
export const renderConversation = (
  renderer: PromptRenderer,
  messages: readonly ChatMessage[],
  tools: readonly Tool[] | undefined,
): number[] => {
  const described = tools?.map((tool) => ({
    type: 'function',
    function: { name: tool.name, description: tool.description ?? '', parameters: tool.parameters ?? { type: 'object', properties: {} } },
  }))
  const spoken = renderer.knowsTools ? messages.map(withToolFields) : withToolText(messages, described)
  const passed = renderer.knowsTools ? described : undefined
  try {
    return renderer.render(spoken, passed)
  } catch (error) {
    if (!spoken.some((message) => message.role === 'system')) throw error
    return renderer.render(withoutSystem(spoken), passed)
  }
}

const withToolFields = (message: ChatMessage): TemplateMessage => {
  const plain = { role: message.role === 'developer' ? 'system' : message.role, content: textOf(message) }
  if (message.role === 'tool') return { ...plain, tool_call_id: message.toolCallId }
  if (message.role === 'user' && message.name !== undefined) return { ...plain, name: message.name }
  if (message.role !== 'assistant' || !message.toolCalls?.length) return plain
  const calls = message.toolCalls.map((call) => ({
    id: call.id,
    type: 'function' as const,
    function: { name: call.name, arguments: parsed(call.arguments) },
  }))
  return { ...plain, tool_calls: calls }
}

const withToolText = (messages: readonly ChatMessage[], tools: object[] | undefined): TemplateMessage[] => {
  const spoken = messages.map((message): TemplateMessage => {
    const content = textOf(message)
    if (message.role === 'tool') return { role: 'user', content: `<tool_response>\n${content}\n</tool_response>` }
    if (message.role !== 'assistant') return withToolFields(message)
    const calls = (message.toolCalls ?? []).map(
      (call) => `${callStart}\n${JSON.stringify({ name: call.name, arguments: parsed(call.arguments) })}\n${callEnd}`,
    )
    return { role: 'assistant', content: [content, ...calls].filter(Boolean).join('\n') }
  })
  if (!tools) return spoken
  const list = tools.map((tool) => JSON.stringify(tool)).join('\n')
  const instruction = `You may call functions to help with the request. Functions:\n${list}\nTo call one, answer with\n${callStart}\n{"name": <function-name>, "arguments": <arguments-object>}\n${callEnd}`
  const [first, ...rest] = spoken
  return first?.role === 'system'
    ? [{ role: 'system', content: `${first.content}\n\n${instruction}` }, ...rest]
    : [{ role: 'system', content: instruction }, ...spoken]
}

const withoutSystem = (messages: readonly TemplateMessage[]): TemplateMessage[] => {
  const system = messages.filter((message) => message.role === 'system').map((message) => message.content)
  const rest = messages.filter((message) => message.role !== 'system')
  const at = rest.findIndex((message) => message.role === 'user')
  return rest.map((message, index) => (index === at ? { ...message, content: [...system, message.content].join('\n\n') } : message))
}

const textOf = (message: ChatMessage): string => {
  if (message.content === null) return ''
  if (typeof message.content === 'string') return message.content
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
