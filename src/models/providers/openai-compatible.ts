import type { ChatCapabilities, ChatModel } from '../chat-model.ts'
import { chosenOutput, structuredOutput } from '../structured-output.ts'
import { createConnection } from './connection.ts'
import { hostedAnswer } from './hosted-answer.ts'
import { type Host, type HostName, hostOf, hosts } from './hosts.ts'
import { createChunkReader } from './openai-chunks.ts'
import { openAiRequest } from './openai-request.ts'

export type HostedModelOptions = {
  /** The configured name. */
  id: string
  /** With its version, such as `https://api.openai.com/v1`. */
  baseUrl: string
  apiKey?: string | undefined
  headers?: Record<string, string> | undefined
  /** The host's own name for the model. */
  model: string
  /** Absent: told from the address. */
  host?: HostName | undefined
  /** What this model can do, where it differs from its host. */
  capabilities?: Partial<ChatCapabilities> | undefined
}

/** A chat model behind OpenAI's `/chat/completions` and `/completions`, at any host that speaks them. */
export const openAiCompatible = (options: HostedModelOptions): ChatModel => {
  const host: Host = hosts[options.host ?? hostOf(options.baseUrl)]
  const connection = createConnection({
    name: options.id,
    baseUrl: options.baseUrl,
    headers: { ...(options.apiKey && { authorization: `Bearer ${options.apiKey}` }), ...options.headers },
  })
  const model: ChatModel = {
    id: options.id,
    capabilities: { ...host.capabilities, ...options.capabilities },
    stream: (request) =>
      hostedAnswer(connection, request, () => ({
        ...openAiRequest(request, options.model, host),
        reader: createChunkReader(options.id, request),
        isLast: (data) => data === '[DONE]',
      })),
  }
  return host.enforcesSchema ? chosenOutput(model) : structuredOutput(model)
}
