import { z } from 'zod'
import type { ChatMessage, ContentPart, ToolCall } from '../../models/chat-model.ts'

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() })
const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({ url: z.string().min(1), detail: z.enum(['auto', 'low', 'high']).nullish() }),
})
const refusalPart = z.strictObject({ type: z.literal('refusal'), refusal: z.string() })

const wording = 'must be a string or an array of content parts'
const text = z.union([z.string(), z.array(textPart).min(1)], wording)

const toolCall = z.strictObject({
  id: z.string().min(1).max(256),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string().min(1).max(256), arguments: z.string() }),
})

/** Answers are sent back as they were received, so fields of a response that were empty, or are ours to add, may come along. */
const assistantMessage = z.strictObject({
  role: z.literal('assistant'),
  content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, refusalPart])).min(1)], wording).nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(toolCall).max(128).nullish(),
  reasoning_content: z.string().nullish(),
  annotations: z.array(z.unknown()).nullish(),
  audio: z.null().optional(),
  function_call: z.null().optional(),
})

const message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: text }),
  z.strictObject({ role: z.literal('developer'), content: text }),
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, imagePart])).min(1)], wording),
    name: z.string().max(256).nullish(),
  }),
  assistantMessage,
  z.strictObject({ role: z.literal('tool'), content: text, tool_call_id: z.string().min(1).max(256) }),
])

export const messages = z.array(message).max(10_000)

/** The wire's messages in the models' own terms. */
export const toMessages = (wire: z.output<typeof messages>): ChatMessage[] => wire.map(toMessage)

const toMessage = (wire: z.output<typeof message>): ChatMessage => {
  switch (wire.role) {
    case 'system':
    case 'developer':
      return { role: wire.role, content: joined(wire.content) }
    case 'user':
      return {
        role: 'user',
        content: typeof wire.content === 'string' ? wire.content : wire.content.map(toPart),
        name: wire.name ?? undefined,
      }
    case 'assistant':
      return { role: 'assistant', content: said(wire), toolCalls: wire.tool_calls?.map(toToolCall) }
    case 'tool':
      return { role: 'tool', content: joined(wire.content), toolCallId: wire.tool_call_id }
  }
}

const joined = (content: z.output<typeof text>): string =>
  typeof content === 'string' ? content : content.map((part) => part.text).join('')

/** A refusal is what the assistant said, as far as the model that continues is concerned. */
const said = ({ content, refusal }: z.output<typeof assistantMessage>): string | null => {
  if (typeof content === 'string') return content
  if (content) return content.map((part) => (part.type === 'text' ? part.text : part.refusal)).join('')
  return refusal ?? null
}

const toPart = (part: z.output<typeof textPart> | z.output<typeof imagePart>): ContentPart =>
  part.type === 'text' ? part : { type: 'image', url: part.image_url.url, detail: part.image_url.detail ?? undefined }

const toToolCall = (call: z.output<typeof toolCall>): ToolCall => ({
  id: call.id,
  name: call.function.name,
  arguments: call.function.arguments,
})
