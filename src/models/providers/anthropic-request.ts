import { AppError } from '../../lib/errors.ts'
import type { ChatMessage, ChatRequest, ContentPart, ToolChoice } from '../chat-model.ts'

/** Answer tokens when the caller sets no limit: the field is required there, and larger values are refused by older models. */
const defaultMaxTokens = 4096

/** A chat request in the words of Anthropic's Messages API. */
export const anthropicRequest = (request: ChatRequest, model: string): object => {
  if (request.input.kind === 'text') throw new AppError('unsupported_parameter', 'this model answers chat only', { param: 'prompt' })
  const { sampling, responseFormat } = request
  const { messages } = request.input
  return {
    model,
    max_tokens: sampling.maxTokens ?? defaultMaxTokens,
    system: systemText(messages),
    messages: turns(messages),
    // OpenAI's range is 0 to 2, here it ends at 1.
    temperature: sampling.temperature === undefined ? undefined : Math.min(1, sampling.temperature),
    top_p: sampling.topP,
    stop_sequences: sampling.stop,
    stream: request.incremental ? true : undefined,
    tools: request.tools?.length
      ? request.tools.map((tool) => ({
          name: tool.name,
          description: tool.description,
          input_schema: tool.parameters ?? { type: 'object' },
          strict: tool.strict,
        }))
      : undefined,
    tool_choice: request.tools?.length ? toolChoice(request.toolChoice, request.parallelToolCalls) : undefined,
    output_config: responseFormat?.type === 'json-schema' ? { format: { type: 'json_schema', schema: responseFormat.schema } } : undefined,
    metadata: request.user === undefined ? undefined : { user_id: request.user },
  }
}

/** Instructions stand apart from the conversation there, wherever they stood in ours. */
const systemText = (messages: ChatMessage[]): string | undefined => {
  const texts = messages.flatMap((message) => (message.role === 'system' || message.role === 'developer' ? [message.content] : []))
  return texts.length === 0 ? undefined : texts.join('\n\n')
}

type Block = { type: string; [field: string]: unknown }
type Turn = { role: 'user' | 'assistant'; content: Block[] }

/** Tool results are the user's words there, and one side never speaks twice in a row. Empty text is refused, so it is left out. */
const turns = (messages: ChatMessage[]): Turn[] => {
  const list: Turn[] = []
  for (const message of messages) {
    if (message.role === 'system' || message.role === 'developer') continue
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = blocks(message)
    const last = list.at(-1)
    if (last?.role === role) last.content.push(...content)
    else if (content.length > 0) list.push({ role, content })
  }
  return list
}

const blocks = (message: Exclude<ChatMessage, { role: 'system' | 'developer' }>): Block[] => {
  switch (message.role) {
    case 'tool':
      return [{ type: 'tool_result', tool_use_id: message.toolCallId, content: message.content }]
    case 'user':
      return typeof message.content === 'string' ? textBlock(message.content) : message.content.flatMap(partBlock)
    case 'assistant':
      return [
        ...textBlock(message.content ?? ''),
        ...(message.toolCalls ?? []).map((call) => ({
          type: 'tool_use',
          id: call.id,
          name: call.name,
          input: parsedArguments(call.arguments),
        })),
      ]
  }
}

const textBlock = (text: string): Block[] => (text === '' ? [] : [{ type: 'text', text }])

const partBlock = (part: ContentPart): Block[] => {
  if (part.type === 'text') return textBlock(part.text)
  const inline = /^data:([^;,]+);base64,(.*)$/s.exec(part.url)
  const source = inline === null ? { type: 'url', url: part.url } : { type: 'base64', media_type: inline[1], data: inline[2] }
  return [{ type: 'image', source }]
}

const parsedArguments = (text: string): unknown => {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid_request', "a tool call's arguments are not JSON", { cause, param: 'messages' })
  }
}

const toolChoice = (choice: ToolChoice = 'auto', parallel = true): object => {
  const single = parallel ? undefined : true
  if (choice === 'none') return { type: 'none' }
  if (choice === 'auto') return { type: 'auto', disable_parallel_tool_use: single }
  if (choice === 'required') return { type: 'any', disable_parallel_tool_use: single }
  return { type: 'tool', name: choice.name, disable_parallel_tool_use: single }
}
