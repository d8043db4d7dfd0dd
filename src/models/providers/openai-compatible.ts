import { AppError } from '../../lib/errors.ts'
import { createSseReader } from '../../lib/sse.ts'
import type { ChatCapabilities, ChatEvent, ChatModel, ChatRequest } from '../chat-model.ts'
import { structuredOutput } from '../structured-output.ts'
import { type Connection, createConnection } from './connection.ts'
import { type Host, type HostName, hostOf, hosts } from './hosts.ts'
import { createChunkReader } from './openai-chunks.ts'
import { openAiRequest } from './openai-request.ts'
import { readBody } from './read-body.ts'

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
    stream: (request) => answer(connection, request, openAiRequest(request, options.model, host)),
  }
  return host.enforcesSchema ? model : structuredOutput(model)
}

async function* answer(
  connection: Connection,
  request: ChatRequest,
  { path, body }: { path: string; body: object },
): AsyncGenerator<ChatEvent> {
  const reader = createChunkReader(connection.name, request)
  const sentAtMs = performance.now()
  const response = await connection.post(path, body, request)
  // A host that cannot stream answers whole; its content type says so.
  if (!request.incremental || /json/.test(response.headers.get('content-type') ?? '')) {
    const events = reader.read(await connection.json(response, request))
    report(request, connection.name, reader.model(), performance.now() - sentAtMs)
    yield* events
    yield* reader.end()
    return
  }
  const upstream = { ms: performance.now() - sentAtMs }
  try {
    yield* streamed(connection, request, response, reader, upstream)
  } finally {
    report(request, connection.name, reader.model(), upstream.ms)
  }
}

const report = (request: ChatRequest, modelId: string, upstreamModel: string | undefined, ms: number) => {
  request.observe?.({ type: 'upstream', ms })
  request.observe?.({ type: 'served-by', modelId, upstreamModel })
}

async function* streamed(
  connection: Connection,
  request: ChatRequest,
  response: Response,
  reader: ReturnType<typeof createChunkReader>,
  upstream: { ms: number },
): AsyncGenerator<ChatEvent> {
  const sse = createSseReader()
  const body = readBody(response, upstream)
  try {
    let open = true
    while (open) {
      // Once every choice has its end a lost connection or a host that lingers takes nothing away.
      const bytes = await (reader.finished() ? body.soon() : body.next()).catch((error: unknown) => {
        if (reader.finished() && !request.signal.aborted) return undefined
        throw connection.failure(error, request.signal)
      })
      open = bytes !== undefined
      for (const { data } of bytes === undefined ? sse.end() : sse.read(bytes)) {
        if (data === '[DONE]') open = false
        else yield* reader.read(parsed(connection.name, data, bytes === undefined))
      }
    }
    yield* reader.end()
  } finally {
    await body.close()
  }
}

/** What a cut left of its last event is dropped: whether the answer was finished before it is decided by its ends. */
const parsed = (host: string, data: string, isRest: boolean): unknown => {
  try {
    return JSON.parse(data)
  } catch (cause) {
    if (isRest) return {}
    throw new AppError('upstream_failed', `${host} sent a malformed event`, { cause })
  }
}
