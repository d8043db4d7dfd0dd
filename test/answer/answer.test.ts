import { describe, expect, test } from 'vitest'
import { type AnswerDeps, createAnswer } from '../../src/answer/answer.ts'
import type { Prepare } from '../../src/answer/prepare.ts'
import type { AnswerRequest } from '../../src/answer/request.ts'
import { AppError } from '../../src/lib/errors.ts'
import type { ChatCapabilities, ChatEvent, ChatModel, ChatRequest } from '../../src/models/chat-model.ts'
import { type Route, routeTable, type Variant } from '../../src/rollout/route.ts'
import type { Trace } from '../../src/traces/trace.ts'

const capabilities: ChatCapabilities = {
  contextTokens: 100,
  tools: false,
  jsonSchema: true,
  jsonObject: true,
  oneOf: false,
  logprobs: true,
  choices: 2,
  seed: true,
  penalties: true,
  logitBias: true,
  images: false,
  completion: false,
}
const said: ChatEvent[] = [
  { type: 'text-delta', choice: 0, text: 'hel' },
  { type: 'text-delta', choice: 0, text: 'lo' },
  { type: 'finish', choice: 0, reason: 'stop' },
  { type: 'usage', usage: { promptTokens: 10, completionTokens: 2, cachedTokens: 4 } },
]
const variant = (name: string, rest: Partial<Variant> = {}): Variant => ({
  name,
  weightPercent: 50,
  model: 'm',
  defaults: {},
  hash: `hash-${name}`,
  ...rest,
})

/** An `answer` over one model, what it was asked, and the traces it left. */
const setUp = (
  options: { stream?: ChatModel['stream']; variants?: [Variant, ...Variant[]]; prepare?: Prepare; deps?: Partial<AnswerDeps> } = {},
) => {
  const asked: ChatRequest[] = []
  const traces: Trace[] = []
  const model: ChatModel = {
    id: 'm',
    capabilities,
    async *stream(request) {
      asked.push(request)
      yield* options.stream?.(request) ?? said
    },
  }
  const route: Route = { name: 'r', seed: 's', variants: options.variants ?? [variant('only')] }
  const routes = routeTable([route], [])
  const answer = createAnswer({
    routes: () => routes,
    modelOf: ({ model: id }) => (id === 'm' ? model : undefined),
    record: (trace) => traces.push(structuredClone(trace)),
    cost: ({ usage }) => usage.promptTokens / 1000,
    prepare: options.prepare,
    keepPayload: () => true,
    ...options.deps,
  })
  return { answer, asked, traces }
}

let now = 0
const request = (rest: Partial<AnswerRequest> = {}): AnswerRequest => ({
  id: 'id-1',
  startedAtMs: 1_000,
  elapsedMs: () => (now += 5),
  endpoint: 'chat',
  route: 'r',
  subject: 'ann',
  pin: null,
  principal: { keyId: 'k', tenant: 't', scopes: ['inference'] },
  metadata: { team: 'a' },
  stream: true,
  prompt: null,
  variables: null,
  chat: { input: { kind: 'chat', messages: [{ role: 'user', content: 'hi' }] }, sampling: {}, n: 1, incremental: true },
  signal: new AbortController().signal,
  ...rest,
})

const readAll = async (events: AsyncIterable<ChatEvent>) => {
  const all: ChatEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('exactly one trace', () => {
  test('for an answer that went well, with all there is to know', async () => {
    const { answer, traces } = setUp({
      stream: async function* ({ observe }) {
        observe?.({ type: 'attempt', modelId: 'm', attempt: 1 })
        observe?.({ type: 'queued', ms: 3 })
        observe?.({ type: 'cache', status: 'miss' })
        yield* said
        observe?.({ type: 'upstream', ms: 7 })
        observe?.({ type: 'served-by', modelId: 'm', upstreamModel: 'm-2026' })
      },
    })
    now = 0
    expect(await readAll(answer(request()).events)).toEqual(said)
    expect(traces).toMatchObject([
      {
        id: 'id-1',
        startedAtMs: 1_000,
        endpoint: 'chat',
        status: 'ok',
        errorCode: null,
        tenant: 't',
        keyId: 'k',
        route: 'r',
        variant: 'only',
        variantHash: 'hash-only',
        model: 'm',
        upstreamModel: 'm-2026',
        subject: 'ann',
        stream: true,
        finishReason: 'stop',
        promptTokens: 10,
        completionTokens: 2,
        cachedTokens: 4,
        costUsd: 0.01,
        cache: 'miss',
        latencyMs: 10,
        firstTokenMs: 5,
        queueMs: 3,
        upstreamMs: 7,
        attempts: 1,
        fellBackFrom: [],
        metadata: { team: 'a' },
        payload: {
          input: { kind: 'chat', messages: [{ role: 'user', content: 'hi' }] },
          output: [{ text: 'hello', finishReason: 'stop' }],
        },
      },
    ])
  })

  test('for each way of failing, before and after the first event', async () => {
    const failing = (...events: ChatEvent[]) =>
      setUp({
        stream: async function* () {
          yield* events
          throw new AppError('upstream_failed', 'no')
        },
      })
    for (const { answer, traces } of [failing(), failing(...said.slice(0, 1)), failing(...said.slice(0, 3))]) {
      await expect(readAll(answer(request()).events)).rejects.toThrow('no')
      expect(traces).toMatchObject([{ status: 'error', errorCode: 'upstream_failed', variant: 'only' }])
    }
  })

  test('for a model that ends without an end, in any of its choices', async () => {
    const { answer, traces } = setUp()
    await expect(readAll(answer(request({ chat: { ...request().chat, n: 2 } })).events)).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(traces).toMatchObject([{ status: 'error' }])
  })

  test('for a name nobody serves, a pin nobody has, and a model that is not there', async () => {
    const { answer, traces } = setUp({ variants: [variant('a'), variant('gone', { model: 'x' })] })
    await expect(readAll(answer(request({ route: 'x' })).events)).rejects.toMatchObject({ code: 'model_not_found', param: 'model' })
    await expect(readAll(answer(request({ pin: 'x' })).events)).rejects.toMatchObject({ code: 'invalid_request', param: 'weir.variant' })
    await expect(readAll(answer(request({ pin: 'gone' })).events)).rejects.toMatchObject({ code: 'model_not_found' })
    expect(traces.map(({ route, variant }) => [route, variant])).toEqual([
      ['x', null],
      ['r', null],
      ['r', 'gone'],
    ])
  })

  test('for a reader that stops, and for one that aborts', async () => {
    const { answer, traces } = setUp()
    for await (const _ of answer(request()).events) break
    const gone = new AbortController()
    const { answer: waiting, traces: others } = setUp({
      stream: async function* ({ signal }) {
        yield* said.slice(0, 1)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    const reading = readAll(waiting(request({ signal: gone.signal })).events)
    setTimeout(() => gone.abort(), 5)
    await expect(reading).rejects.toMatchObject({ code: 'aborted' })
    expect([...traces, ...others]).toMatchObject([
      { status: 'aborted', errorCode: 'aborted', payload: { output: [{ text: 'hel' }] } },
      { status: 'aborted', errorCode: 'aborted' },
    ])
  })

  test('that says why, when whoever aborted gave a reason', async () => {
    const { answer, traces } = setUp()
    const signal = AbortSignal.abort(new AppError('unavailable', 'shutting down'))
    await expect(readAll(answer(request({ signal, chat: { ...request().chat, n: 2 } })).events)).rejects.toThrow('shutting down')
    expect(traces).toMatchObject([{ status: 'error', errorCode: 'unavailable' }])
  })

  test('without a word of what was said, where payloads are off', async () => {
    const { answer, traces } = setUp({ deps: { keepPayload: () => false } })
    await readAll(answer(request()).events)
    expect(traces[0]?.payload).toBeNull()
    expect(JSON.stringify(traces)).not.toContain('hello')
  })

  test('names who answered after fallback, and costs by that model', async () => {
    const costs: string[] = []
    const { answer, traces } = setUp({
      stream: async function* ({ observe }) {
        observe?.({ type: 'fell-back', from: 'm', to: 'hosted', code: 'timeout' })
        yield* said
      },
      deps: {
        cost: ({ model }) => {
          costs.push(model)
          return null
        },
      },
    })
    const answered = answer(request())
    await answered.events.next()
    expect(answered.trace.model).toBe('hosted')
    await readAll(answered.events)
    expect(traces).toMatchObject([{ model: 'hosted', fellBackFrom: ['m'], costUsd: null }])
    expect(costs).toEqual(['hosted'])
  })
})

describe('the variant', () => {
  test('is sticky by subject, drawn per request without one, and pinned on request', async () => {
    const { answer, traces } = setUp({ variants: [variant('a'), variant('b')] })
    for (let index = 0; index < 5; index += 1) await readAll(answer(request()).events)
    expect(new Set(traces.map((trace) => trace.variant)).size).toBe(1)
    for (let index = 0; index < 40; index += 1) await readAll(answer(request({ subject: null, id: `id-${index}` })).events)
    expect(new Set(traces.slice(5).map((trace) => trace.variant))).toEqual(new Set(['a', 'b']))
    await readAll(answer(request({ pin: 'b' })).events)
    expect(traces.at(-1)?.variant).toBe('b')
  })

  test('gives its parameters where the request has none', async () => {
    const { answer, asked } = setUp({ variants: [variant('only', { defaults: { temperature: 0, maxTokens: 9 } })] })
    await readAll(answer(request({ chat: { ...request().chat, sampling: { temperature: 1, seed: undefined } } })).events)
    expect(asked[0]?.sampling).toEqual({ temperature: 1, maxTokens: 9 })
  })

  test('is refused to a key that is not for the route', async () => {
    const { answer, traces } = setUp()
    const principal = { ...request().principal, allowedRoutes: ['other'] }
    await expect(readAll(answer(request({ principal })).events)).rejects.toMatchObject({ code: 'permission_denied', param: 'model' })
    expect(traces).toMatchObject([{ errorCode: 'permission_denied', variant: null }])
    await readAll(answer(request({ principal: { ...principal, allowedRoutes: ['r'] } })).events)
  })

  test('decides what can be asked: the model is not called for what it cannot do', async () => {
    const { answer, asked } = setUp()
    const chat = { ...request().chat, tools: [{ name: 'f' }] }
    await expect(readAll(answer(request({ chat })).events)).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'tools' })
    await expect(readAll(answer(request({ chat: { ...request().chat, sampling: { maxTokens: 101 } } })).events)).rejects.toMatchObject({
      param: 'max_tokens',
    })
    expect(asked).toEqual([])
  })
})

describe('prompts and retrieval', () => {
  const prompted = variant('only', { prompt: { name: 'support' } })
  const prepare: Prepare = async (_, { variables }) => ({
    messages: [{ role: 'user', content: `about ${variables?.topic}` }],
    passages: [{ id: 'p1' }],
    sampling: { temperature: 0.3, maxTokens: 5 },
    annotate: (text) => [{ type: 'file_citation', index: text.length }],
  })

  test('make the messages, and leave passages in the trace and annotations on the choice', async () => {
    const { answer, asked, traces } = setUp({ prepare, variants: [{ ...prompted, defaults: { maxTokens: 7 } }] })
    const answered = answer(request({ variables: { topic: 'weirs' } }))
    await readAll(answered.events)
    expect(asked[0]).toMatchObject({ input: { messages: [{ content: 'about weirs' }] }, sampling: { temperature: 0.3, maxTokens: 7 } })
    expect(answered.choices[0]?.annotations).toEqual([{ type: 'file_citation', index: 5 }])
    expect(traces[0]?.payload).toMatchObject({ passages: [{ id: 'p1' }], input: { messages: [{ content: 'about weirs' }] } })
    // What the client said is kept beside what the model read, so that it can be asked again.
    expect(traces[0]?.payload?.said).toEqual({ messages: [expect.objectContaining({ role: 'user' })], variables: { topic: 'weirs' } })
  })

  test('answer themselves when there is nothing to ask a model', async () => {
    const nothing: Prepare = async () => ({ messages: [], reply: 'I found nothing.' })
    const { answer, asked, traces } = setUp({ prepare: nothing, variants: [prompted] })
    const events = await readAll(answer(request()).events)
    expect(events).toContainEqual({ type: 'text-delta', choice: 0, text: 'I found nothing.' })
    expect(asked).toEqual([])
    expect(traces[0]?.payload).toHaveProperty('said')
    expect(traces).toMatchObject([{ status: 'ok', model: null, promptTokens: 0, costUsd: 0, finishReason: 'stop' }])
  })

  test('revise the answer on its way', async () => {
    const revising: Prepare = async () => ({
      messages: [],
      revise: async function* (events) {
        for await (const event of events) yield event.type === 'text-delta' ? { ...event, text: event.text.toUpperCase() } : event
      },
    })
    const { answer, traces } = setUp({ prepare: revising, variants: [prompted] })
    await readAll(answer(request()).events)
    expect(traces[0]?.payload?.output).toMatchObject([{ text: 'HELLO' }])
  })

  test('are not asked when neither variant nor request names them, and what they throw is the answer’s failure', async () => {
    const never: Prepare = () => Promise.reject(new AppError('invalid_request', 'missing', { param: 'weir.prompt.variables.topic' }))
    const plain = setUp({ prepare: never })
    await readAll(plain.answer(request()).events)
    await expect(readAll(plain.answer(request({ prompt: { name: 'x' } })).events)).rejects.toThrow('missing')
    expect(plain.traces.map((trace) => trace.errorCode)).toEqual([null, 'invalid_request'])
  })
})
