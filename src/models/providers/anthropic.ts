import type { ChatCapabilities, ChatModel } from '../chat-model.ts'
import { createMessageReader } from './anthropic-events.ts'
import { anthropicRequest } from './anthropic-request.ts'
import { createConnection } from './connection.ts'
import { hostedAnswer } from './hosted-answer.ts'
import type { HostedModelOptions } from './openai-compatible.ts'

/** The version of the wire, not of the models. */
const apiVersion = '2023-06-01'

const capabilities: ChatCapabilities = {
  contextTokens: undefined,
  tools: true,
  jsonSchema: true,
  jsonObject: false,
  oneOf: false,
  logprobs: false,
  choices: 1,
  seed: false,
  penalties: false,
  logitBias: false,
  images: true,
  completion: false,
}

/** A chat model behind Anthropic's Messages API. `baseUrl` as theirs: `https://api.anthropic.com`, with or without `/v1`. */
export const anthropic = (options: HostedModelOptions): ChatModel => {
  const connection = createConnection({
    name: options.id,
    baseUrl: options.baseUrl.replace(/(\/v1)?\/*$/, '/v1'),
    headers: { 'anthropic-version': apiVersion, ...(options.apiKey && { 'x-api-key': options.apiKey }), ...options.headers },
  })
  return {
    id: options.id,
    capabilities: { ...capabilities, ...options.capabilities },
    stream: (request) =>
      hostedAnswer(connection, request, () => ({
        path: '/messages',
        body: anthropicRequest(request, options.model),
        reader: createMessageReader(options.id, request),
        isLast: (data) => /^\{"type": ?"message_stop"/.test(data),
      })),
  }
}
