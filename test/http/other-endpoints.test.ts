import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Principal } from '../../src/keys/principal.ts'
import type { ChatEvent } from '../../src/models/chat-model.ts'
import { type Gateway, readEvents, startGateway } from './gateway.ts'
import { echo, lengths, scripted, usage } from './models.ts'

const model = echo()
const sure = scripted(
  function* (): Iterable<ChatEvent> {
    for (const token of ['ab', 'c']) {
      yield {
        type: 'text-delta',
        choice: 0,
        text: token,
        logprobs: [{ token, logprob: -1, bytes: [], top: [{ token, logprob: -1, bytes: [] }] }],
      }
    }
    yield { type: 'finish', choice: 0, reason: 'length' }
    yield usage()
  },
  {},
  'sure',
)
let gateway: Gateway
beforeAll(() => {
  gateway = startGateway({ models: [model, sure], embedders: [lengths()] })
})
afterAll(() => gateway.close())

describe('completions', () => {
  test('have OpenAI’s shape', async () => {
    const answer = await gateway.client.completions.create({ model: 'echo', prompt: 'hello', echo: true, suffix: 'x', max_tokens: 3 })
    expect(answer).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: 'hello', finish_reason: 'stop', logprobs: null }],
      usage: { total_tokens: 7 },
    })
    expect(answer.id).toMatch(/^cmpl-/)
    expect(model.asked.at(-1)).toMatchObject({
      input: { kind: 'text', prompt: 'hello', echo: true, suffix: 'x' },
      sampling: { maxTokens: 3 },
    })
    expect(gateway.traces.at(-1)).toMatchObject({ endpoint: 'completion', status: 'ok' })
  })

  test('stream with a usage chunk and [DONE]', async () => {
    const response = await gateway.post('/v1/completions', {
      model: 'echo',
      prompt: 'hello',
      stream: true,
      stream_options: { include_usage: true },
    })
    const events = readEvents(await response.text())
    expect(events.pop()).toBe('[DONE]')
    expect(events.pop()).toMatchObject({ choices: [], usage: { prompt_tokens: 5 } })
    expect(events.map((event) => event.choices[0].text).join('')).toBe('hello')
    expect(events.at(-1).choices[0].finish_reason).toBe('stop')
  })

  test('answer several prompts in order, usage added up, with a trace for each', async () => {
    const before = gateway.traces.length
    for (const stream of [false, true]) {
      const response = await gateway.post('/v1/completions', {
        model: 'echo',
        prompt: ['one', 'two'],
        n: 2,
        stream,
        ...(stream && { stream_options: { include_usage: true } }),
      })
      const id = response.headers.get('x-request-id')
      const body = await response.text()
      const texts = ['', '', '', '']
      if (stream) for (const { choices } of readEvents(body).slice(0, -2)) texts[choices[0].index] += choices[0].text
      else for (const choice of JSON.parse(body).choices) texts[choice.index] += choice.text
      expect(texts).toEqual(['one', 'one', 'two', 'two'])
      const total = stream ? readEvents(body).at(-2).usage : JSON.parse(body).usage
      expect(total.total_tokens).toBe(14)
      const [first, second] = gateway.traces.slice(-2)
      expect(first?.id).toBe(id!)
      expect(second?.metadata).toEqual({ request_id: id })
    }
    expect(gateway.traces.length).toBe(before + 4)
  })

  test('hold log probabilities as parallel lists with offsets, streamed and not', async () => {
    const answer = await gateway.client.completions.create({ model: 'sure', prompt: 'x', logprobs: 1 })
    expect(answer.choices[0]?.logprobs).toEqual({
      tokens: ['ab', 'c'],
      token_logprobs: [-1, -1],
      top_logprobs: [{ ab: -1 }, { c: -1 }],
      text_offset: [0, 2],
    })
    const events = readEvents(
      await (await gateway.post('/v1/completions', { model: 'sure', prompt: 'x', logprobs: 1, stream: true })).text(),
    )
    expect(events[1].choices[0].logprobs.text_offset).toEqual([2])
  })
})

describe('embeddings', () => {
  test('of one text and of many, in order, with usage', async () => {
    const one = await gateway.client.embeddings.create({ model: 'lengths', input: 'abc' })
    expect(one).toMatchObject({
      object: 'list',
      model: 'lengths',
      data: [{ object: 'embedding', index: 0, embedding: [3, 0, 1] }],
      usage: { prompt_tokens: 1, total_tokens: 1 },
    })
    const many = await gateway.client.embeddings.create({ model: 'lengths', input: ['a', 'bb'], dimensions: 2 })
    expect(many.data.map(({ embedding }) => embedding)).toEqual([
      [1, 0],
      [2, 1],
    ])
    expect(gateway.traces.at(-1)).toMatchObject({
      endpoint: 'embedding',
      status: 'ok',
      promptTokens: 2,
      payload: { input: { texts: ['a', 'bb'] } },
    })
  })

  test('come as little-endian float32 when base64 is asked for, and as numbers otherwise', async () => {
    const raw = async (format: object) =>
      (await gateway.post('/v1/embeddings', { model: 'lengths', input: 'abc', ...format })).json() as Promise<{
        data: { embedding: unknown }[]
      }>
    expect((await raw({})).data[0]?.embedding).toEqual([3, 0, 1])
    expect((await raw({ encoding_format: 'base64' })).data[0]?.embedding).toBe(
      Buffer.from(Float32Array.of(3, 0, 1).buffer).toString('base64'),
    )
  })

  test('leave one trace when they fail', async () => {
    const before = gateway.traces.length
    await gateway.post('/v1/embeddings', { model: 'lengths', input: 'a'.repeat(101) })
    expect(gateway.traces.slice(before)).toMatchObject([{ endpoint: 'embedding', status: 'error', errorCode: 'context_length_exceeded' }])
  })
})

test('models are listed and looked up', async () => {
  const models = await gateway.client.models.list()
  expect(models.data.map(({ id }) => id)).toEqual(['echo', 'sure', 'lengths'])
  expect(await gateway.client.models.retrieve('sure')).toMatchObject({
    id: 'sure',
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'weir',
  })
  await expect(gateway.client.models.retrieve('nothing')).rejects.toThrow('404')
})

test('health is about the process, readiness about its parts', async () => {
  await using starting = startGateway({ app: { readiness: () => ({ ready: false, waitingFor: { database: 'connecting' } }) } })
  expect((await fetch(`${starting.url}/healthz`)).status).toBe(200)
  const ready = await fetch(`${starting.url}/readyz`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toEqual({ status: 'starting', waiting_for: { database: 'connecting' } })
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
})

test('metrics count answers, tokens and statuses under labels that clients cannot invent', async () => {
  await using fresh = startGateway({ models: [echo()] })
  await fresh.client.completions.create({ model: 'echo', prompt: 'hello' })
  await fresh.post('/v1/completions', { model: 'made-up', prompt: 'hello' })
  await fresh.post('/v1/made-up', {})
  const metrics = await (await fetch(`${fresh.url}/metrics`, { headers: { authorization: 'Bearer admin' } })).text()
  expect(metrics).toContain('weir_http_responses_total{http_route="/v1/completions",http_response_status_code="200"} 1')
  expect(metrics).toContain('weir_http_responses_total{http_route="/v1/completions",http_response_status_code="404"} 1')
  expect(metrics).toContain('weir_answers_total{route="echo",variant="default",status="ok"} 1')
  expect(metrics).toContain(
    'gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name="text_completion",gen_ai_request_model="echo"} 1',
  )
  expect(metrics).toContain('gen_ai_token_type="output"} 2')
  expect(metrics).not.toContain('made-up')
})

test('a key that is for some routes only sees and calls no others', async () => {
  const narrow: Principal = { keyId: 'narrow', tenant: 'acme', scopes: ['inference'], allowedRoutes: ['sure'] }
  await using server = startGateway({ models: [echo(), sure], app: { authenticate: () => narrow } })
  expect((await server.client.models.list()).data.map(({ id }) => id)).toEqual(['sure'])
  await expect(server.client.models.retrieve('echo')).rejects.toThrow('404')
  await expect(server.client.completions.create({ model: 'echo', prompt: 'x' })).rejects.toThrow('403')
  expect((await server.client.completions.create({ model: 'sure', prompt: 'x' })).choices).toHaveLength(1)
})
