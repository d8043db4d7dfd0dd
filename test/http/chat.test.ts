import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatEvent } from '../../src/models/chat-model.ts'
import { type Gateway, hello, readEvents, startGateway } from './gateway.ts'
import { echo, finish, scripted, text, usage } from './models.ts'

const model = echo()
const tools = scripted(
  function* (): Iterable<ChatEvent> {
    yield { type: 'reasoning-delta', choice: 0, text: 'hm' }
    yield { type: 'tool-call-delta', choice: 0, index: 0, id: 'call_1', name: 'weather', arguments: '{"city":' }
    yield { type: 'tool-call-delta', choice: 0, index: 0, arguments: '"Oslo"}' }
    yield { type: 'finish', choice: 0, reason: 'tool_calls' }
    yield usage()
  },
  {},
  'tools',
)
const sure = scripted(
  function* (): Iterable<ChatEvent> {
    yield {
      ...text('yes'),
      logprobs: [{ token: 'yes', logprob: -0.5, bytes: [121], top: [{ token: 'no', logprob: -1, bytes: [110] }] }],
    } as ChatEvent
    yield finish()
    yield usage()
  },
  {},
  'sure',
)
const refusing = scripted(
  function* (): Iterable<ChatEvent> {
    yield { type: 'refusal-delta', choice: 0, text: 'I will not' }
    yield finish()
    yield usage()
  },
  {},
  'refusing',
)
let gateway: Gateway
beforeAll(() => {
  gateway = startGateway({ models: [model, tools, sure, refusing] })
})
afterAll(() => gateway.close())

const weather = {
  type: 'function' as const,
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}

describe('whole answers', () => {
  test('have the shape the OpenAI SDK reads, usage with cached tokens included', async () => {
    const { data, response } = await gateway.client.chat.completions.create(hello).withResponse()
    const id = response.headers.get('x-request-id')
    expect(data).toMatchObject({
      id: `chatcmpl-${id}`,
      object: 'chat.completion',
      model: 'echo',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello', refusal: null }, finish_reason: 'stop', logprobs: null }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { cached_tokens: 3 } },
    })
    expect(response.headers.get('x-weir-variant')).toBe('default')
    expect(response.headers.get('x-weir-model')).toBe('echo')
    expect(response.headers.get('x-weir-cost')).toBe('0.250000000')
    expect(gateway.traces.find((trace) => trace.id === id)).toMatchObject({ status: 'ok', costUsd: 0.25, tenant: 'acme', keyId: 'key-1' })
  })

  test('hold every choice of n', async () => {
    const answer = await gateway.client.chat.completions.create({ ...hello, n: 3 })
    expect(answer.choices.map((choice) => [choice.index, choice.message.content])).toEqual([
      [0, 'hello'],
      [1, 'hello'],
      [2, 'hello'],
    ])
  })

  test('hold tool calls with null content, and the reasoning before them', async () => {
    const answer = await gateway.client.chat.completions.create({ ...hello, model: 'tools', tools: [weather] })
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        reasoning_content: 'hm',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
      },
    })
  })

  test('hold log probabilities and refusals', async () => {
    const answer = await gateway.client.chat.completions.create({ ...hello, model: 'sure', logprobs: true, top_logprobs: 1 })
    expect(answer.choices[0]?.logprobs?.content).toEqual([
      { token: 'yes', logprob: -0.5, bytes: [121], top_logprobs: [{ token: 'no', logprob: -1, bytes: [110] }] },
    ])
    const refused = await gateway.client.chat.completions.create({ ...hello, model: 'refusing' })
    expect(refused.choices[0]?.message).toMatchObject({ content: null, refusal: 'I will not' })
  })
})

describe('what reaches the model', () => {
  test('is every parameter of the request in the port’s terms', async () => {
    await gateway.client.chat.completions.create({
      model: 'echo',
      messages: [
        {
          role: 'system',
          content: [
            { type: 'text', text: 'be ' },
            { type: 'text', text: 'brief' },
          ],
        },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } }], name: 'ann' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'weather', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c', content: 'sunny' },
      ],
      max_completion_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      seed: 7,
      stop: 'END',
      frequency_penalty: 1,
      presence_penalty: -1,
      logit_bias: { '42': -100 },
      logprobs: true,
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' }, strict: true } },
      user: 'ann',
    })
    expect(model.asked.at(-1)).toMatchObject({
      input: {
        kind: 'chat',
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: [{ type: 'image', url: 'data:image/png;base64,AA' }], name: 'ann' },
          { role: 'assistant', content: null, toolCalls: [{ id: 'c', name: 'weather', arguments: '{}' }] },
          { role: 'tool', content: 'sunny', toolCallId: 'c' },
        ],
      },
      sampling: {
        maxTokens: 9,
        temperature: 0.5,
        topP: 0.9,
        seed: 7,
        stop: ['END'],
        frequencyPenalty: 1,
        presencePenalty: -1,
        logitBias: { '42': -100 },
        topLogprobs: 0,
      },
      tools: [{ name: 'weather' }],
      toolChoice: { name: 'weather' },
      parallelToolCalls: false,
      responseFormat: { type: 'json-schema', name: 'answer', strict: true },
      n: 1,
      incremental: false,
      tenant: 'acme',
      user: 'ann',
    })
  })

  test('is nothing for what was null, as SDKs send it', async () => {
    const nulls = { stop: null, temperature: null, max_tokens: null, n: null, tools: undefined, seed: null, logit_bias: null }
    const response = await gateway.post('/v1/chat/completions', { ...hello, ...nulls })
    expect(response.status).toBe(200)
    expect(model.asked.at(-1)?.sampling).toEqual({})
  })

  test('accepts an answer of ours sent back as it was', async () => {
    const { choices } = await gateway.client.chat.completions.create(hello)
    const again = await gateway.client.chat.completions.create({
      model: 'echo',
      messages: [...hello.messages, choices[0]!.message, { role: 'user', content: 'again' }],
    })
    expect(again.choices[0]?.message.content).toBe('again')
  })
})

describe('streams', () => {
  test('keep the contract: role first, one id, finish, usage with no choices when asked, [DONE]', async () => {
    const response = await gateway.post('/v1/chat/completions', { ...hello, stream: true, stream_options: { include_usage: true } })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const events = readEvents(await response.text())
    expect(events.pop()).toBe('[DONE]')
    const last = events.pop()
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 5, total_tokens: 7 } })
    expect(events[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
    expect(events.slice(1).every((event) => event.choices[0].delta.role === undefined)).toBe(true)
    expect(events.map((event) => event.choices[0].delta.content ?? '').join('')).toBe('hello')
    expect(events.at(-1).choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
    expect(events.every((event) => event.usage === null && event.object === 'chat.completion.chunk')).toBe(true)
    expect(new Set([...events, last].map((event) => `${event.id} ${event.created} ${event.model}`)).size).toBe(1)
  })

  test('send no usage when none was asked for', async () => {
    const events = readEvents(await (await gateway.post('/v1/chat/completions', { ...hello, stream: true })).text())
    expect(events.some((event) => 'usage' in Object(event))).toBe(false)
  })

  test('are put together by the SDK to what was said, for every choice', async () => {
    const stream = gateway.client.chat.completions.stream({ ...hello, n: 2 })
    const answer = await stream.finalChatCompletion()
    expect(answer.choices.map((choice) => choice.message.content)).toEqual(['hello', 'hello'])
  })

  test('carry tool calls in pieces that the SDK joins', async () => {
    const stream = gateway.client.chat.completions.stream({ ...hello, model: 'tools', tools: [weather] })
    const [choice] = (await stream.finalChatCompletion()).choices
    expect(choice?.message.tool_calls?.[0]).toMatchObject({ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Oslo"}' } })
    expect(choice?.finish_reason).toBe('tool_calls')
  })

  test('carry log probabilities', async () => {
    const response = await gateway.post('/v1/chat/completions', { ...hello, model: 'sure', logprobs: true, stream: true })
    const events = readEvents(await response.text())
    expect(events[1].choices[0].logprobs.content[0]).toMatchObject({ token: 'yes', logprob: -0.5 })
  })
})

test('a client’s own request id is kept beside ours, never in its place', async () => {
  const response = await gateway.post('/v1/chat/completions', { ...hello, metadata: { team: 'a' } }, { 'x-request-id': 'mine' })
  const id = response.headers.get('x-request-id')
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  expect(response.headers.get('x-client-request-id')).toBe('mine')
  expect(gateway.traces.at(-1)).toMatchObject({ id, metadata: { team: 'a', client_request_id: 'mine' } })
})
