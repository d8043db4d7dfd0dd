import type { ChatMessage, ChatRequest, ContentPart, ResponseFormat, Tool, ToolChoice } from '../chat-model.ts'
import type { Host } from './hosts.ts'

/** Where a request goes and what it says there. `undefined` fields vanish in JSON. */
export const openAiRequest = (request: ChatRequest, model: string, host: Host): { path: string; body: object } =>
  request.input.kind === 'text'
    ? { path: '/completions', body: { ...common(request, model, host), ...textBody(request, request.input) } }
    : { path: '/chat/completions', body: { ...common(request, model, host), ...chatBody(request, request.input.messages, host) } }

const common = (request: ChatRequest, model: string, host: Host) => {
  const { sampling } = request
  return {
    model,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    seed: sampling.seed,
    stop: sampling.stop,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    logit_bias: sampling.logitBias,
    n: request.n === 1 ? undefined : request.n,
    user: host.refuses.includes('user') ? undefined : request.user,
    stream: request.incremental ? true : undefined,
    stream_options: request.incremental && !host.refuses.includes('stream_options') ? { include_usage: true } : undefined,
  }
}

const textBody = (request: ChatRequest, input: { prompt: string; suffix?: string | undefined; echo?: boolean | undefined }) => ({
  prompt: input.prompt,
  suffix: input.suffix,
  echo: input.echo,
  max_tokens: request.sampling.maxTokens,
  logprobs: request.sampling.topLogprobs,
})

const chatBody = (request: ChatRequest, messages: ChatMessage[], host: Host) => ({
  messages: messages.map((message) => wireMessage(message, host)),
  [host.maxTokensField]: request.sampling.maxTokens,
  logprobs: request.sampling.topLogprobs === undefined ? undefined : true,
  top_logprobs: request.sampling.topLogprobs,
  tools: request.tools?.length ? request.tools.map(wireTool) : undefined,
  tool_choice: request.toolChoice === undefined ? undefined : wireToolChoice(request.toolChoice),
  parallel_tool_calls: host.refuses.includes('parallel_tool_calls') ? undefined : request.parallelToolCalls,
  ...(request.responseFormat === undefined ? {} : wireFormat(request.responseFormat)),
})

const wireMessage = (message: ChatMessage, host: Host): object => {
  switch (message.role) {
    case 'developer':
      return { role: host.developerRole ? 'developer' : 'system', content: message.content }
    case 'system':
      return { role: 'system', content: message.content }
    case 'user':
      return {
        role: 'user',
        content: typeof message.content === 'string' ? message.content : message.content.map(wirePart),
        name: message.name,
      }
    case 'assistant':
      return {
        role: 'assistant',
        content: message.content,
        tool_calls: message.toolCalls?.map(({ id, name, arguments: args }) => ({
          id,
          type: 'function',
          function: { name, arguments: args },
        })),
      }
    case 'tool':
      return { role: 'tool', content: message.content, tool_call_id: message.toolCallId }
  }
}

const wirePart = (part: ContentPart) =>
  part.type === 'text' ? { type: 'text', text: part.text } : { type: 'image_url', image_url: { url: part.url, detail: part.detail } }

const wireTool = ({ name, description, parameters, strict }: Tool) => ({
  type: 'function',
  function: { name, description, parameters, strict },
})

const wireToolChoice = (choice: ToolChoice) => (typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } })

const wireFormat = (format: ResponseFormat): object => {
  switch (format.type) {
    case 'text':
      return { response_format: { type: 'text' } }
    case 'json-object':
      return { response_format: { type: 'json_object' } }
    case 'json-schema':
      return { response_format: { type: 'json_schema', json_schema: { name: format.name, schema: format.schema, strict: format.strict } } }
    case 'one-of':
      // vLLM, structured outputs.
      return { structured_outputs: { choice: format.texts } }
  }
}
