/**
 * A fast, well-behaved OpenAI-shaped upstream for benchmarks and tests, with latency, length and chunking to choose.
 *
 *     bun test/support/mock-openai.ts --port 9100 --tokens 32 --first-token-ms 10 --token-ms 2
 *
 * What it answers is `word0 word1 …`, one word per token, so a test can say what it expects.
 */

export type MockOpenAiOptions = {
  /** 0 picks a free port. */
  port?: number
  /** Words in an answer, unless the request's `max_tokens` is smaller. */
  tokens?: number
  /** Wait before the response's first byte. */
  firstTokenMs?: number
  /** Wait between words of a stream; 0 sends `tokensPerChunk` words per write without waiting. */
  tokenMs?: number
  tokensPerChunk?: number
  /** Prompt tokens reported as read from a cache. */
  cachedTokens?: number
  /** When set, requests without `Authorization: Bearer <apiKey>` get a 401. */
  apiKey?: string
  /** Length of embedding vectors. */
  dimensions?: number
  /** Kept requests; off for benchmarks, which would only grow a list. */
  journal?: boolean
}

/** What the mock reads of a request; the rest is kept for tests to look at. */
export type MockBody = {
  model?: unknown
  messages?: unknown
  prompt?: unknown
  input?: unknown
  n?: unknown
  stream?: unknown
  stream_options?: { include_usage?: boolean }
  max_tokens?: unknown
  max_completion_tokens?: unknown
  dimensions?: unknown
  encoding_format?: unknown
  [rest: string]: unknown
}

export type MockRequest = { path: string; headers: Record<string, string>; body: MockBody }

export type MockOpenAi = {
  /** With the `/v1` suffix: a provider's `base_url`. */
  url: string
  port: number
  requests: MockRequest[]
  /** Requests served so far, journal or not. */
  served(): number
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export const startMockOpenAI = (options: MockOpenAiOptions = {}): MockOpenAi => {
  const settings = { tokens: 8, firstTokenMs: 0, tokenMs: 0, tokensPerChunk: 1, cachedTokens: 0, dimensions: 8, journal: true, ...options }
  const requests: MockRequest[] = []
  let served = 0
  const server = Bun.serve({
    port: settings.port ?? 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname
      if (settings.apiKey !== undefined && request.headers.get('authorization') !== `Bearer ${settings.apiKey}`) return unauthorized()
      if (request.method === 'GET' && path === '/v1/models') return Response.json(models)
      const body = (await request.json()) as MockBody
      served += 1
      if (settings.journal) requests.push({ path, headers: Object.fromEntries(request.headers), body })
      if (settings.firstTokenMs > 0) await Bun.sleep(settings.firstTokenMs)
      if (path === '/v1/embeddings') return Response.json(embeddings(body, settings.dimensions))
      const shape = shapes[path]
      if (shape === undefined)
        return Response.json({ error: { message: `no route ${path}`, type: 'invalid_request_error' } }, { status: 404 })
      const words = Array.from({ length: wordCount(body, settings.tokens) }, (_, index) => (index === 0 ? 'word0' : ` word${index}`))
      const finish = words.length < settings.tokens ? ('length' as const) : ('stop' as const)
      const answer = { shape, body, words, finish, usage: usage(body, words.length, settings.cachedTokens) }
      return body.stream === true ? streamed(answer, settings, request.signal) : Response.json(whole(answer))
    },
  })
  const port = server.port as number
  const close = async () => {
    await server.stop(true)
  }
  return { url: `http://127.0.0.1:${port}/v1`, port, requests, served: () => served, close, [Symbol.asyncDispose]: close }
}

type Shape = {
  object: string
  chunkObject: string
  message(text: string): object
  delta(text: string, first: boolean): object
  last(): object
}

const shapes: Record<string, Shape> = {
  '/v1/chat/completions': {
    object: 'chat.completion',
    chunkObject: 'chat.completion.chunk',
    message: (text) => ({ message: { role: 'assistant', content: text, refusal: null } }),
    delta: (text, first) => ({ delta: first ? { role: 'assistant', content: text } : { content: text } }),
    last: () => ({ delta: {} }),
  },
  '/v1/completions': {
    object: 'text_completion',
    chunkObject: 'text_completion',
    message: (text) => ({ text }),
    delta: (text) => ({ text }),
    last: () => ({ text: '' }),
  },
}

type Answer = { shape: Shape; body: MockBody; words: string[]; finish: 'stop' | 'length'; usage: object }

const head = (answer: Answer, object: string) => ({ id: 'mock-1', object, created: 1_700_000_000, model: answer.body.model })

const choiceCount = (answer: Answer) => (typeof answer.body.n === 'number' ? answer.body.n : 1)

const whole = (answer: Answer) => ({
  ...head(answer, answer.shape.object),
  choices: Array.from({ length: choiceCount(answer) }, (_, index) => ({
    index,
    ...answer.shape.message(answer.words.join('')),
    logprobs: null,
    finish_reason: answer.finish,
  })),
  usage: answer.usage,
})

const streamed = (answer: Answer, settings: { tokenMs: number; tokensPerChunk: number }, signal: AbortSignal): Response => {
  const chunk = (rest: object) => `data: ${JSON.stringify({ ...head(answer, answer.shape.chunkObject), ...rest })}\n\n`
  const each = (part: (index: number) => object) =>
    Array.from({ length: choiceCount(answer) }, (_, index) => chunk({ choices: [{ index, ...part(index) }] })).join('')
  const withUsage = answer.body.stream_options?.include_usage === true
  const frames = groups(answer.words, settings.tokensPerChunk).map((words, group) =>
    each(() => ({ ...answer.shape.delta(words.join(''), group === 0), finish_reason: null })),
  )
  const end =
    each(() => ({ ...answer.shape.last(), finish_reason: answer.finish })) + (withUsage ? chunk({ choices: [], usage: answer.usage }) : '')
  const headers = { 'content-type': 'text/event-stream' }
  if (settings.tokenMs === 0) return new Response(`${frames.join('')}${end}data: [DONE]\n\n`, { headers })
  const paced = async function* () {
    for (const frame of frames) {
      if (signal.aborted) return
      yield encoder.encode(frame)
      await Bun.sleep(settings.tokenMs)
    }
    yield encoder.encode(`${end}data: [DONE]\n\n`)
  }
  return new Response(paced() as unknown as ReadableStream, { headers })
}

const encoder = new TextEncoder()

const groups = (words: string[], size: number): string[][] =>
  Array.from({ length: Math.ceil(words.length / size) }, (_, index) => words.slice(index * size, (index + 1) * size))

const wordCount = (body: MockBody, most: number): number => {
  const asked = body.max_completion_tokens ?? body.max_tokens
  return typeof asked === 'number' ? Math.min(asked, most) : most
}

const usage = (body: MockBody, completion: number, cached: number) => {
  const prompt = JSON.stringify(body.messages ?? body.prompt ?? '').split(/\s+/).length
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: Math.min(cached, prompt) },
  }
}

/** Vectors that depend on the text alone, so equal texts get equal vectors. Base64 when asked, as the OpenAI SDK does. */
const embeddings = (body: MockBody, defaultDimensions: number) => {
  const texts = (Array.isArray(body.input) ? body.input : [body.input]).map(String)
  const dimensions = typeof body.dimensions === 'number' ? body.dimensions : defaultDimensions
  const data = texts.map((text, index) => {
    const vector = new Float32Array(dimensions)
    for (let position = 0; position < text.length; position += 1) vector[(text.charCodeAt(position) + position) % dimensions]! += 1
    const norm = Math.hypot(...vector) || 1
    for (let position = 0; position < dimensions; position += 1) vector[position]! /= norm
    const embedding = body.encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector]
    return { object: 'embedding', index, embedding }
  })
  const tokens = texts.reduce((sum, text) => sum + text.split(/\s+/).length, 0)
  return { object: 'list', model: body.model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

const models = { object: 'list', data: [{ id: 'mock', object: 'model', created: 1_700_000_000, owned_by: 'mock' }] }

const unauthorized = () =>
  Response.json(
    { error: { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key' } },
    { status: 401 },
  )

if (import.meta.main) {
  const flag = (name: string, otherwise: number) => {
    const at = Bun.argv.indexOf(`--${name}`)
    return at < 0 ? otherwise : Number(Bun.argv[at + 1])
  }
  const mock = startMockOpenAI({
    port: flag('port', 9100),
    tokens: flag('tokens', 8),
    firstTokenMs: flag('first-token-ms', 0),
    tokenMs: flag('token-ms', 0),
    tokensPerChunk: flag('tokens-per-chunk', 1),
    journal: false,
  })
  process.stdout.write(`${mock.url}\n`)
}
