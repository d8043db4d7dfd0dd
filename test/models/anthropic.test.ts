import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../src/models/chat-model.ts'
import { anthropic } from '../../src/models/providers/anthropic.ts'
import { type Script, startFaultyUpstream, status } from '../support/faulty-upstream.ts'
import { message, refuses, saysSlowly, startOf } from './anthropic-script.ts'
import { collect, failing, requestOf, textOf } from './scripted-model.ts'

const modelAt = (baseUrl: string) => anthropic({ id: 'claude', baseUrl, model: 'claude-x', apiKey: 'sk-ant-secret' })

const eventsFrom = async (script: Script, changes: Partial<ChatRequest> = {}) => {
  await using upstream = await startFaultyUpstream(script)
  return await collect(modelAt(upstream.origin).stream(requestOf(changes)))
}
const failureFrom = async (script: Script, changes: Partial<ChatRequest> = {}) => {
  await using upstream = await startFaultyUpstream(script)
  return await failing(modelAt(upstream.origin).stream(requestOf(changes)))
}
const plain = message([{ type: 'text', text: 'Hello' }], 'end_turn')

/** Sends `Hello`, then whatever comes. */
const helloThen =
  (rest: (exchange: Parameters<Script>[0]) => void | Promise<void>): Script =>
  async (exchange) => {
    exchange.stream()
    await exchange.event(startOf())
    await exchange.event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
    await exchange.event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } })
    await rest(exchange)
  }

describe('what Anthropic is asked', () => {
  test('has the instructions apart, turns that alternate, and tools in its words', async () => {
    await using upstream = await startFaultyUpstream(plain)
    await collect(
      modelAt(`${upstream.origin}/v1/`).stream(
        requestOf({
          input: {
            kind: 'chat',
            messages: [
              { role: 'system', content: 'Be brief' },
              {
                role: 'user',
                content: [
                  { type: 'text', text: 'See' },
                  { type: 'image', url: 'data:image/png;base64,AAAA' },
                ],
              },
              { role: 'user', content: [{ type: 'image', url: 'https://x/y.png' }] },
              { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'f', arguments: '{"x":1}' }] },
              { role: 'tool', content: '42', toolCallId: 'c' },
              { role: 'developer', content: 'And kind' },
              { role: 'user', content: 'Go on' },
            ],
          },
          sampling: { maxTokens: 9, temperature: 1.5, topP: 0.9, stop: ['x'] },
          tools: [{ name: 'f', description: 'd' }],
          toolChoice: 'required',
          parallelToolCalls: false,
          responseFormat: { type: 'json-schema', name: 'n', schema: { type: 'object' }, strict: true },
          user: 'ada',
        }),
      ),
    )
    const [entry] = upstream.requests
    expect(entry?.path).toBe('/v1/messages')
    expect(entry?.headers).toMatchObject({ 'x-api-key': 'sk-ant-secret', 'anthropic-version': '2023-06-01' })
    expect(entry?.body).toEqual({
      model: 'claude-x',
      max_tokens: 9,
      system: 'Be brief\n\nAnd kind',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            { type: 'image', source: { type: 'url', url: 'https://x/y.png' } },
          ],
        },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: { x: 1 } }] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'c', content: '42' },
            { type: 'text', text: 'Go on' },
          ],
        },
      ],
      temperature: 1,
      top_p: 0.9,
      stop_sequences: ['x'],
      stream: true,
      tools: [{ name: 'f', description: 'd', input_schema: { type: 'object' } }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'ada' },
    })
  })
  test('is a chat: raw text is refused', async () => {
    const { error } = await failureFrom(plain, { input: { kind: 'text', prompt: 'Once' } })
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'prompt' })
  })
})

describe('what Anthropic answers', () => {
  for (const incremental of [true, false]) {
    const how = incremental ? 'piece by piece' : 'whole'
    test(`${how}: thinking, text, calls, and a prompt that includes what the cache gave`, async () => {
      const script = message(
        [
          { type: 'thinking', thinking: 'Hm.' },
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 't1', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 't2', name: 'g', input: {} },
        ],
        'tool_use',
      )
      const events = await eventsFrom(script, { incremental })
      expect(events[0]).toEqual({ type: 'reasoning-delta', choice: 0, text: 'Hm.' })
      expect(textOf(events)).toBe('Let me look.')
      const calls = events.filter((event) => event.type === 'tool-call-delta')
      expect(calls.filter((call) => call.id !== undefined).map(({ index, id, name }) => [index, id, name])).toEqual([
        [0, 't1', 'f'],
        [1, 't2', 'g'],
      ])
      for (const [index, input] of [{ x: 1 }, {}].entries()) {
        expect(
          JSON.parse(
            calls
              .filter((call) => call.index === index)
              .map((call) => call.arguments)
              .join(''),
          ),
        ).toEqual(input)
      }
      expect(events.slice(-2)).toEqual([
        { type: 'finish', choice: 0, reason: 'tool_calls' },
        { type: 'usage', usage: { promptTokens: 10, completionTokens: 4, cachedTokens: 3 } },
      ])
    })
  }
  for (const [theirs, ours] of [
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['refusal', 'content_filter'],
  ]) {
    test(`${theirs} is ${ours}`, async () => {
      expect(await eventsFrom(message([{ type: 'text', text: 'x' }], theirs!))).toContainEqual({ type: 'finish', choice: 0, reason: ours })
    })
  }
  test('without its last event is whole once it gave a stop reason', async () => {
    const events = await eventsFrom(
      helloThen(async ({ event, cut }) => {
        await event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } })
        setTimeout(cut, 20)
      }),
    )
    expect(events.map((event) => event.type)).toEqual(['text-delta', 'finish', 'usage'])
  })
  test('may name events of the future', async () => {
    const events = await eventsFrom(
      helloThen(async ({ event, response }) => {
        await event({ type: 'content_block_delta', index: 0, delta: { type: 'hologram_delta' } })
        await event({ type: 'applause' })
        await event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } })
        response.end()
      }),
    )
    expect(textOf(events)).toBe('Hello')
  })
})

describe('what goes wrong at Anthropic', () => {
  for (const [title, rest] of [
    ['cuts the connection', ({ cut }) => void setTimeout(cut, 20)],
    ['closes without a stop reason', ({ response }) => void response.end()],
    [
      'says it is over without a stop reason',
      async ({ event, response }) => {
        await event({ type: 'message_stop' })
        response.end()
      },
    ],
    ['sends a malformed event', ({ event }) => event('{"type": nonsense')],
    ['sends an overloaded error', ({ event }) => event(refuses('overloaded_error', 'Overloaded'))],
  ] as [string, Script][]) {
    test(`an answer never ends as finished when the host ${title}`, async () => {
      const { events, error } = await failureFrom(helloThen(rest))
      expect(events).toEqual([{ type: 'text-delta', choice: 0, text: 'Hello' }])
      expect(error).toMatchObject({ code: 'upstream_failed' })
    })
  }
  test('an error as the first event of a stream reads like its status', async () => {
    const script: Script = async ({ stream, event, response }) => {
      stream()
      await event(refuses('rate_limit_error', 'slow down'), 'error')
      response.end()
    }
    expect((await failureFrom(script)).error).toMatchObject({ code: 'rate_limited' })
  })
  for (const [code, type, text, ours] of [
    [400, 'invalid_request_error', 'prompt is too long: 9 tokens > 8 maximum', 'context_length_exceeded'],
    [400, 'invalid_request_error', 'max_tokens: must be positive', 'invalid_request'],
    [400, 'invalid_request_error', 'Your credit balance is too low', 'upstream_rejected'],
    [401, 'authentication_error', 'invalid x-api-key', 'upstream_rejected'],
    [404, 'not_found_error', 'model: claude-x', 'upstream_rejected'],
    [413, 'request_too_large', 'too large', 'payload_too_large'],
    [500, 'api_error', 'oops', 'upstream_failed'],
    [529, 'overloaded_error', 'Overloaded', 'upstream_failed'],
  ] as const) {
    test(`${code} '${text}' is ${ours}`, async () => {
      expect((await failureFrom(status(code, { body: refuses(type, text) }))).error).toMatchObject({ code: ours })
    })
  }
  test('the host sees the caller stop reading within 100 ms', async () => {
    await using upstream = await startFaultyUpstream(saysSlowly(5))
    for await (const _event of modelAt(upstream.origin).stream(requestOf())) break
    const sinceMs = performance.now()
    for (let tries = 0; tries < 100 && upstream.requests[0]?.hungUpAtMs === undefined; tries += 1) await Bun.sleep(2)
    expect((upstream.requests[0]?.hungUpAtMs ?? Number.POSITIVE_INFINITY) - sinceMs).toBeLessThan(100)
  })
})
