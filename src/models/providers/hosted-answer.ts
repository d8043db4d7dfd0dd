import { AppError } from '../../lib/errors.ts'
import { createSseReader } from '../../lib/sse.ts'
import type { ChatEvent, ChatRequest } from '../chat-model.ts'
import type { Connection } from './connection.ts'
import { readBody } from './read-body.ts'

/** One call to a host: what to ask, and how its answer reads. */
export type HostedCall = {
  path: string
  body: object
  reader: AnswerReader
  /** Whether an event's data says that the stream is over. */
  isLast(data: string): boolean
}

/** Turns a host's answer into events, whole or piece by piece. */
export type AnswerReader = {
  /** Deltas in a piece; throws when it is, or tells of, a failure. */
  read(piece: unknown): ChatEvent[]
  /** Every choice has its end: whatever happens to the connection now, the answer is whole. */
  finished(): boolean
  /** The ends and the usage. Throws when a choice has no end: an answer that stopped is not an answer that finished. */
  end(): ChatEvent[]
  /** The model's name for itself. */
  model(): string | undefined
}

/** Asks a host and reads its answer under the port's contract. Hangs up at once when the caller stops or aborts. */
export async function* hostedAnswer(connection: Connection, request: ChatRequest, ask: () => HostedCall): AsyncGenerator<ChatEvent> {
  const call = ask()
  const upstream = { ms: 0 }
  const sinceMs = performance.now()
  let answered = false
  try {
    const response = await connection.post(call.path, call.body, request)
    answered = true
    // A host that cannot stream answers whole; its content type says so.
    if (request.incremental && !/json/.test(response.headers.get('content-type') ?? '')) {
      upstream.ms = performance.now() - sinceMs
      yield* streamed(connection, request, call, response, upstream)
      return
    }
    const events = call.reader.read(await connection.json(response, request))
    upstream.ms = performance.now() - sinceMs
    // Loops, here and below: `yield*` over an array costs an async generator several promises an item.
    for (const event of events) yield event
    for (const event of call.reader.end()) yield event
  } finally {
    request.observe?.({ type: 'upstream', ms: upstream.ms || performance.now() - sinceMs })
    if (answered) request.observe?.({ type: 'served-by', modelId: connection.name, upstreamModel: call.reader.model() })
  }
}

async function* streamed(
  connection: Connection,
  request: ChatRequest,
  { reader, isLast }: HostedCall,
  response: Response,
  upstream: { ms: number },
): AsyncGenerator<ChatEvent> {
  const sse = createSseReader()
  const body = readBody(response, upstream)
  try {
    let open = true
    while (open) {
      // Once every choice has its end, a lost connection or a host that lingers takes nothing away.
      const bytes = await (reader.finished() ? body.soon() : body.next()).catch((error: unknown) => {
        if (reader.finished() && !request.signal.aborted) return undefined
        throw connection.failure(error, request.signal)
      })
      open = bytes !== undefined
      for (const { data } of bytes === undefined ? sse.end() : sse.read(bytes)) {
        if (isLast(data)) open = false
        else for (const event of reader.read(parsed(connection.name, data, bytes === undefined))) yield event
      }
    }
    for (const event of reader.end()) yield event
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
