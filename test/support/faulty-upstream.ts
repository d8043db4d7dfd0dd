import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A real HTTP upstream that misbehaves on command: one script per request, the last one for all that follow.
 *
 *     await using upstream = await startFaultyUpstream(status(429, { headers: { 'retry-after': '1' } }), answersWell)
 */
export const startFaultyUpstream = async (...scripts: Script[]): Promise<FaultyUpstream> => {
  const requests: JournalEntry[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const piece of request) text += piece
    const entry: JournalEntry = {
      path: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body: text === '' ? {} : JSON.parse(text),
      atMs: performance.now(),
      hungUpAtMs: undefined,
    }
    const script = scripts[Math.min(requests.length, scripts.length - 1)]
    requests.push(entry)
    response.on('close', () => {
      if (!response.writableFinished) entry.hungUpAtMs = performance.now()
    })
    // A peer that hangs up while it is written to is what these tests provoke.
    response.on('error', () => {})
    await script?.(exchangeOver(response, entry))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { origin, url: `${origin}/v1`, requests, close, [Symbol.asyncDispose]: close }
}

export type FaultyUpstream = {
  origin: string
  /** With `/v1`: a provider's `base_url`. */
  url: string
  requests: JournalEntry[]
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type JournalEntry = {
  path: string
  headers: Record<string, string>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like.
  body: any
  atMs: number
  /** When the client hung up before the answer was finished, on the clock of `performance.now()`. */
  hungUpAtMs: number | undefined
}

export type Script = (exchange: Exchange) => void | Promise<void>

export type Exchange = {
  request: JournalEntry
  response: ServerResponse
  /** Starts a 200 event stream. */
  stream(contentType?: string): void
  write(text: string | Uint8Array): Promise<void>
  /** An event with this value as JSON, or this text as it is. */
  event(data: unknown, name?: string): Promise<void>
  /** An OpenAI chunk with one choice. */
  delta(delta: object, finish?: string | null): Promise<void>
  /** A whole JSON answer. */
  json(value: unknown, status?: number): void
  /** Destroys the connection. */
  cut(): void
}

const exchangeOver = (response: ServerResponse, request: JournalEntry): Exchange => {
  const write = (text: string | Uint8Array) => new Promise<void>((resolve) => response.write(text, () => resolve()))
  const event = (data: unknown, name?: string) =>
    write(`${name === undefined ? '' : `event: ${name}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
  return {
    request,
    response,
    write,
    event,
    stream: (contentType = 'text/event-stream') => {
      response.writeHead(200, { 'content-type': contentType })
      response.flushHeaders()
    },
    delta: (delta, finish = null) => event(chunk({ index: 0, delta, finish_reason: finish })),
    json: (value, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(value))
    },
    cut: () => {
      response.socket?.destroy()
    },
  }
}

export const chunk = (choice: object | undefined, rest: object = {}) => ({
  id: 'faulty-1',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'faulty',
  choices: choice === undefined ? [] : [choice],
  ...rest,
})

export const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, prompt_tokens_details: { cached_tokens: 3 } }

/** Stream `Hello world` up to where the fault begins. */
const hello = async ({ stream, delta }: Exchange) => {
  stream()
  await delta({ role: 'assistant', content: 'Hello' })
  await delta({ content: ' world' })
}

const wholeAnswer = {
  id: 'faulty-1',
  object: 'chat.completion',
  model: 'faulty',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello world' }, finish_reason: 'stop' }],
  usage,
}

/** `Hello world`, `stop`, usage: stream or whole, as asked. */
export const answersWell: Script = async (exchange) => {
  if (exchange.request.body.stream !== true) return exchange.json(wholeAnswer)
  await hello(exchange)
  await exchange.delta({}, 'stop')
  await exchange.event(chunk(undefined, { usage }))
  await exchange.event('[DONE]')
  exchange.response.end()
}

export const status =
  (
    code: number,
    { headers = {}, body = { error: { message: `status ${code}` } } }: { headers?: Record<string, string>; body?: unknown } = {},
  ): Script =>
  ({ response }) => {
    response.writeHead(code, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

/** Sends these events as they are, then ends. */
export const sends =
  (...events: unknown[]): Script =>
  async (exchange) => {
    exchange.stream()
    for (const data of events) await exchange.event(data)
    exchange.response.end()
  }

/** Sends these bytes, each piece in a packet of its own, as an event stream. */
export const sendsBytes =
  (...pieces: (string | Uint8Array)[]): Script =>
  async (exchange) => {
    exchange.stream()
    for (const piece of pieces) {
      await exchange.write(piece)
      await Bun.sleep(5)
    }
    exchange.response.end()
  }

/** Every way in which a stream goes wrong before its end. */
export const breaks = {
  'cuts before headers': ({ cut }) => cut(),
  'cuts after headers': ({ stream, cut }) => {
    stream()
    setTimeout(cut, 20)
  },
  'ends without a word': ({ stream, response }) => {
    stream()
    response.end()
  },
  'answers 200 with an empty body': ({ response }) => {
    response.writeHead(200)
    response.end()
  },
  'answers 200 with a page of HTML': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><title>Sign in</title>')
  },
  'sends an error as its first event': async ({ stream, event, response }) => {
    stream()
    await event({ error: { message: 'CUDA out of memory', type: 'server_error', code: 500 } })
    response.end()
  },
} satisfies Record<string, Script>

/** Every way in which a stream goes wrong after its first words. */
export const breaksMidway = {
  'cuts the connection': async (exchange) => {
    await hello(exchange)
    setTimeout(exchange.cut, 20)
  },
  'cuts inside an event': async (exchange) => {
    await hello(exchange)
    await exchange.write('data: {"choices":[{"index":0,"del')
    setTimeout(exchange.cut, 20)
  },
  'closes politely inside an event': async (exchange) => {
    await hello(exchange)
    await exchange.write('data: {"choices":[{"index":0,"del')
    exchange.response.end()
  },
  'closes without a finish reason': async (exchange) => {
    await hello(exchange)
    exchange.response.end()
  },
  'says [DONE] without a finish reason': async (exchange) => {
    await hello(exchange)
    await exchange.event('[DONE]')
    exchange.response.end()
  },
  'sends a malformed event': async (exchange) => {
    await hello(exchange)
    await exchange.event('{"choices": nonsense')
    exchange.response.end()
  },
  'sends an event that is not an object': async (exchange) => {
    await hello(exchange)
    await exchange.event('null')
    exchange.response.end()
  },
  'sends an error object': async (exchange) => {
    await hello(exchange)
    await exchange.event({ error: { message: 'worker died', type: 'server_error' } })
    await exchange.event('[DONE]')
    exchange.response.end()
  },
  'sends an error as text': async (exchange) => {
    await hello(exchange)
    await exchange.event({ error: 'worker died' })
    exchange.response.end()
  },
  'finishes with the reason error': async (exchange) => {
    await hello(exchange)
    await exchange.delta({}, 'error')
    exchange.response.end()
  },
} satisfies Record<string, Script>

/** Every oddity that leaves an answer of `Hello world` whole. */
export const oddities = {
  'forgets [DONE]': async (exchange) => {
    await hello(exchange)
    await exchange.delta({}, 'stop')
    await exchange.event(chunk(undefined, { usage }))
    exchange.response.end()
  },
  'cuts the connection after its finish reason': async (exchange) => {
    await hello(exchange)
    await exchange.event(chunk({ index: 0, delta: {}, finish_reason: 'stop' }, { usage }))
    setTimeout(exchange.cut, 20)
  },
  'forgets the last blank line': async (exchange) => {
    await hello(exchange)
    await exchange.delta({}, 'stop')
    await exchange.write(`data: ${JSON.stringify(chunk(undefined, { usage }))}`)
    exchange.response.end()
  },
  'sends usage in its finish chunk': async (exchange) => {
    await hello(exchange)
    await exchange.event(chunk({ index: 0, delta: {}, finish_reason: 'stop' }, { usage }))
    await exchange.event('[DONE]')
    exchange.response.end()
  },
  'sends usage with every chunk': async ({ stream, event, response }) => {
    stream()
    const early = { ...usage, completion_tokens: 1 }
    await event(chunk({ index: 0, delta: { role: 'assistant', content: 'Hello' }, finish_reason: null }, { usage: early }))
    await event(chunk({ index: 0, delta: { content: ' world' }, finish_reason: null }, { usage: early }))
    await event(chunk({ index: 0, delta: {}, finish_reason: 'stop' }, { usage }))
    await event(chunk(undefined, { usage }))
    await event('[DONE]')
    response.end()
  },
  'repeats the role in every delta': async ({ stream, delta, event, response }) => {
    stream()
    await delta({ role: 'assistant', content: '' })
    await delta({ role: 'assistant', content: 'Hello' })
    await delta({ role: 'assistant', content: ' world' })
    await delta({ role: 'assistant', content: null }, 'stop')
    await event(chunk(undefined, { usage }))
    await event('[DONE]')
    response.end()
  },
  'repeats its finish reason': async (exchange) => {
    await hello(exchange)
    await exchange.delta({}, 'stop')
    await exchange.delta({}, 'stop')
    await exchange.event(chunk(undefined, { usage }))
    await exchange.event('[DONE]')
    exchange.response.end()
  },
  'annotates after its finish reason': async (exchange) => {
    await hello(exchange)
    await exchange.delta({}, 'stop')
    await exchange.event(chunk({ index: 0, delta: {}, content_filter_results: { hate: { filtered: false } }, finish_reason: null }))
    await exchange.event(chunk(undefined, { usage }))
    await exchange.event('[DONE]')
    exchange.response.end()
  },
  'declares the wrong content type': async (exchange) => {
    exchange.stream('text/plain')
    await exchange.delta({ content: 'Hello' })
    await exchange.delta({ content: ' world' }, 'stop')
    await exchange.event(chunk(undefined, { usage }))
    exchange.response.end()
  },
  'answers whole although asked to stream': ({ json }) => json(wholeAnswer),
  'leaves out the index': async ({ stream, event, response }) => {
    stream()
    await event(chunk({ delta: { content: 'Hello' } }))
    await event(chunk({ delta: { content: ' world' }, finish_reason: 'stop' }, { usage }))
    response.end()
  },
  'keeps alive with comments and uses CRLF': async ({ stream, write, response }) => {
    stream()
    await write(': ping\r\n\r\n')
    await write(`data: ${JSON.stringify(chunk({ index: 0, delta: { content: 'Hello' } }))}\r\n\r\n: ping\r\n\r\n`)
    await write(`data: ${JSON.stringify(chunk({ index: 0, delta: { content: ' world' }, finish_reason: 'stop' }, { usage }))}\r\n\r\n`)
    await write('data: [DONE]\r\n\r\n')
    response.end()
  },
  'adds fields nobody knows': async ({ stream, event, response }) => {
    stream()
    await event({ prompt_progress: { total: 3 } })
    await event(chunk({ index: 0, delta: { content: 'Hello', audio: null, extra: [1] } }, { timings: { n: 1 }, system_fingerprint: 'x' }))
    await event(chunk({ index: 0, delta: { content: ' world' }, finish_reason: 'stop', stop_reason: 7 }, { usage: { ...usage, cost: 0 } }))
    await event('[DONE]')
    response.end()
  },
} satisfies Record<string, Script>

/** Never answers. */
export const stallsBeforeHeaders: Script = () => {}

export const stallsAfterHeaders: Script = ({ stream }) => stream()

/** Says `Hello world`, then nothing more; the connection stays. */
export const stallsMidway: Script = hello

/** Finishes its answer but neither reports usage nor hangs up. */
export const lingers: Script = async (exchange) => {
  await hello(exchange)
  await exchange.delta({}, 'stop')
}

/** Words without end, `everyMs` apart. */
export const babbles =
  (everyMs: number): Script =>
  async ({ stream, delta, response }) => {
    stream()
    while (!response.destroyed) {
      await delta({ content: 'word ' })
      await Bun.sleep(everyMs)
    }
  }
