import { describe, expect, test } from 'vitest'
import type { HostError } from '../../src/models/providers/host-error.ts'
import { type HostedModelOptions, openAiCompatible } from '../../src/models/providers/openai-compatible.ts'
import { timeouts } from '../../src/models/timeouts.ts'
import {
  answersWell,
  babbles,
  breaks,
  breaksMidway,
  chunk,
  lingers,
  oddities,
  type Script,
  sends,
  sendsBytes,
  stallsAfterHeaders,
  stallsBeforeHeaders,
  stallsMidway,
  startFaultyUpstream,
  status,
  usage,
} from '../support/faulty-upstream.ts'
import { canRefuseToAccept, startUnacceptingUpstream } from '../support/upstream-unaccepting.ts'
import { collect, failing, observer, requestOf, textOf } from './scripted-model.ts'

const modelAt = (baseUrl: string, options: Partial<HostedModelOptions> = {}) =>
  openAiCompatible({ id: 'host', baseUrl, model: 'theirs', apiKey: 'sk-very-secret', ...options })

const countedUsage = { promptTokens: 7, completionTokens: 2, cachedTokens: 3 }

describe('a stream that breaks', () => {
  for (const [title, script] of Object.entries(breaks) as [string, Script][]) {
    test(`fails before its first event when the host ${title}`, async () => {
      await using upstream = await startFaultyUpstream(script)
      const { events, error } = await failing(modelAt(upstream.url).stream(requestOf()))
      expect(events).toEqual([])
      expect(error).toMatchObject({ code: 'upstream_failed' })
    })
    test(`fails whole when the host ${title}`, async () => {
      await using upstream = await startFaultyUpstream(script)
      const { events, error } = await failing(modelAt(upstream.url).stream(requestOf({ incremental: false })))
      expect(events).toEqual([])
      expect(error).toMatchObject({ code: 'upstream_failed' })
    })
  }
  for (const [title, script] of Object.entries(breaksMidway) as [string, Script][]) {
    test(`never ends as finished when the host ${title}`, async () => {
      await using upstream = await startFaultyUpstream(script)
      const { events, error } = await failing(modelAt(upstream.url).stream(requestOf()))
      expect(textOf(events)).toBe('Hello world')
      expect(events.every((event) => event.type === 'text-delta')).toBe(true)
      expect(error).toMatchObject({ code: 'upstream_failed' })
    })
  }
  test('fails when a choice is missing', async () => {
    await using upstream = await startFaultyUpstream(answersWell)
    const { error } = await failing(modelAt(upstream.url).stream(requestOf({ n: 2 })))
    expect(error).toMatchObject({ code: 'upstream_failed' })
  })
  test('fails on an event without bound', async () => {
    const piece = 'x'.repeat(1024 * 1024)
    await using upstream = await startFaultyUpstream(sendsBytes('data: ', ...Array.from({ length: 10 }, () => piece)))
    const { error } = await failing(modelAt(upstream.url).stream(requestOf()))
    expect(error).toMatchObject({ code: 'upstream_failed', message: expect.stringContaining('too large') })
  })
})

describe('a stream that is only odd', () => {
  for (const [title, script] of Object.entries(oddities) as [string, Script][]) {
    test(`is whole when the host ${title}`, async () => {
      await using upstream = await startFaultyUpstream(script)
      const events = await collect(modelAt(upstream.url).stream(requestOf()))
      expect(textOf(events)).toBe('Hello world')
      expect(events.filter((event) => event.type !== 'text-delta')).toEqual([
        { type: 'finish', choice: 0, reason: 'stop' },
        { type: 'usage', usage: countedUsage },
      ])
    })
  }
  test('is whole when the network cuts it anywhere', async () => {
    const whole = new TextEncoder().encode(
      `data: ${JSON.stringify(chunk({ index: 0, delta: { content: 'é€😀' }, finish_reason: 'stop' }, { usage }))}\r\n\r\ndata: [DONE]\r\n\r\n`,
    )
    const pieces = Array.from({ length: Math.ceil(whole.length / 7) }, (_, index) => whole.slice(index * 7, index * 7 + 7))
    await using upstream = await startFaultyUpstream(sendsBytes(...pieces))
    expect(textOf(await collect(modelAt(upstream.url).stream(requestOf())))).toBe('é€😀')
  })
  test('has an estimated usage when the host reports none', async () => {
    await using upstream = await startFaultyUpstream(
      sends(chunk({ index: 0, delta: { content: 'Hello world' }, finish_reason: 'stop' }), '[DONE]'),
    )
    const events = await collect(modelAt(upstream.url).stream(requestOf()))
    expect(events.at(-1)).toEqual({ type: 'usage', usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 0, estimated: true } })
  })
  test('ends soon although the host lingers after its finish reason', async () => {
    await using upstream = await startFaultyUpstream(lingers)
    const sinceMs = performance.now()
    const events = await collect(modelAt(upstream.url).stream(requestOf()))
    expect(performance.now() - sinceMs).toBeLessThan(4000)
    expect(events.slice(-2)).toMatchObject([{ type: 'finish' }, { type: 'usage', usage: { estimated: true } }])
  })
  test('keeps its choices apart, in whatever order they come', async () => {
    const piece = (index: number, content: string, finish_reason: string | null = null) =>
      chunk({ index, delta: { content }, finish_reason })
    await using upstream = await startFaultyUpstream(
      sends(piece(1, 'b'), piece(0, 'a'), piece(1, 'B', 'length'), piece(0, 'A', 'stop'), piece(5, 'x'), '[DONE]'),
    )
    const events = await collect(modelAt(upstream.url).stream(requestOf({ n: 2 })))
    expect([textOf(events, 0), textOf(events, 1), textOf(events, 5)]).toEqual(['aA', 'bB', ''])
    expect(events.filter((event) => event.type === 'finish')).toEqual([
      { type: 'finish', choice: 0, reason: 'stop' },
      { type: 'finish', choice: 1, reason: 'length' },
    ])
  })
  test('carries reasoning, refusals and log probabilities', async () => {
    const logprobs = { content: [{ token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [{ token: 'b', logprob: -1, bytes: null }] }] }
    await using upstream = await startFaultyUpstream(
      sends(
        chunk({ index: 0, delta: { reasoning_content: 'Hm.' } }),
        chunk({ index: 0, delta: { content: 'a' }, logprobs }),
        chunk({ index: 0, delta: { refusal: 'No.' }, finish_reason: 'stop' }),
      ),
    )
    const events = await collect(modelAt(upstream.url).stream(requestOf()))
    expect(events.slice(0, 3)).toEqual([
      { type: 'reasoning-delta', choice: 0, text: 'Hm.' },
      {
        type: 'text-delta',
        choice: 0,
        text: 'a',
        logprobs: [{ token: 'a', logprob: -0.5, bytes: [97], top: [{ token: 'b', logprob: -1, bytes: [98] }] }],
      },
      { type: 'refusal-delta', choice: 0, text: 'No.' },
    ])
  })
})

describe('tool calls', () => {
  const piece = (...tool_calls: object[]) => chunk({ index: 0, delta: { tool_calls } })
  const last = chunk({ index: 0, delta: {}, finish_reason: 'stop' })
  const callsFrom = async (...events: object[]) => {
    await using upstream = await startFaultyUpstream(sends(...events, '[DONE]'))
    const seen = await collect(modelAt(upstream.url).stream(requestOf()))
    expect(seen).toContainEqual({ type: 'finish', choice: 0, reason: 'tool_calls' })
    const calls: { id: string | undefined; name: string | undefined; arguments: string }[] = []
    for (const event of seen) {
      if (event.type !== 'tool-call-delta') continue
      const call = calls[event.index]
      if (call === undefined) calls[event.index] = { id: event.id, name: event.name, arguments: event.arguments }
      else call.arguments += event.arguments
    }
    return calls
  }

  test('come together from their pieces', async () => {
    const calls = await callsFrom(
      piece({ index: 0, id: 'a', function: { name: 'f', arguments: '' } }),
      piece({ index: 0, function: { arguments: '{"x":' } }),
      piece({ index: 1, id: 'b', function: { name: 'g', arguments: '{}' } }),
      piece({ index: 0, function: { arguments: '1}' } }),
      last,
    )
    expect(calls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}' },
      { id: 'b', name: 'g', arguments: '{}' },
    ])
  })
  test('without index or id belong to the latest call', async () => {
    const calls = await callsFrom(piece({ id: 'a', function: { name: 'f' } }), piece({ function: { arguments: '{}' } }), last)
    expect(calls).toEqual([{ id: 'a', name: 'f', arguments: '{}' }])
  })
  test('without an id get one', async () => {
    const calls = await callsFrom(piece({ index: 0, function: { name: 'f', arguments: { x: 1 } } }), last)
    expect(calls).toEqual([{ id: expect.stringMatching(/^call_\w+$/), name: 'f', arguments: '{"x":1}' }])
  })
  test('that share an index but not an id are several', async () => {
    const calls = await callsFrom(
      piece(
        { index: 0, id: 'a', function: { name: 'f', arguments: '{"x":1}' } },
        { index: 0, id: 'b', function: { name: 'f', arguments: '{"x":2}' } },
      ),
      last,
    )
    expect(calls.map((call) => call.arguments)).toEqual(['{"x":1}', '{"x":2}'])
  })
  test('whose id comes again stay one', async () => {
    const calls = await callsFrom(
      piece({ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }),
      piece({ index: 0, id: 'a', function: { name: 'f', arguments: '}' } }),
      last,
    )
    expect(calls).toEqual([{ id: 'a', name: 'f', arguments: '{}' }])
  })
  test('that never get a name are a failure', async () => {
    await using upstream = await startFaultyUpstream(sends(piece({ index: 0, id: 'a', function: { arguments: '{}' } }), last))
    const { error } = await failing(modelAt(upstream.url).stream(requestOf()))
    expect(error).toMatchObject({ code: 'upstream_failed' })
  })
})

describe('a refusal by the host', () => {
  const refusedWith = async (...script: Parameters<typeof status>) => {
    await using upstream = await startFaultyUpstream(status(...script))
    return (await failing(modelAt(upstream.url).stream(requestOf()))).error
  }
  const fault = (message: string, rest: object = {}) => ({ body: { error: { message, ...rest } } })

  test('of the request keeps its words and names the parameter', async () => {
    expect(await refusedWith(400, fault('top_p must be at most 1', { param: 'top_p' }))).toMatchObject({
      code: 'invalid_request',
      message: 'top_p must be at most 1',
      param: 'top_p',
    })
    expect(await refusedWith(422, { body: { detail: 'bad' } })).toMatchObject({ code: 'invalid_request', message: 'bad' })
  })
  test('of a long prompt is told from other refusals', async () => {
    expect(await refusedWith(400, fault('too long', { code: 'context_length_exceeded' }))).toMatchObject({
      code: 'context_length_exceeded',
    })
    expect(await refusedWith(400, fault('x', { type: 'exceed_context_size_error' }))).toMatchObject({ code: 'context_length_exceeded' })
    expect(await refusedWith(400, { body: { object: 'error', message: "This model's maximum context length is 8 tokens" } })).toMatchObject(
      {
        code: 'context_length_exceeded',
      },
    )
  })
  test('of content is told from other refusals', async () => {
    expect(await refusedWith(400, fault('filtered', { code: 'content_filter' }))).toMatchObject({ code: 'content_filtered' })
  })
  for (const code of [301, 401, 402, 403, 404]) {
    test(`of us (${code}) does not reach our client in the host's words`, async () => {
      const error = (await refusedWith(code, fault('key sk-very-secret of account 7 is wrong'))) as Error
      expect(error).toMatchObject({ code: 'upstream_rejected' })
      expect(error.message).not.toMatch(/secret|account/)
      const cause = error.cause as HostError
      expect(cause).toMatchObject({ status: code, message: `host answered ${code}: key [secret] of account 7 is wrong` })
    })
  }
  test('for want of quota is not a rate limit', async () => {
    expect(await refusedWith(429, fault('pay', { code: 'insufficient_quota' }))).toMatchObject({ code: 'upstream_rejected' })
  })
  test('for haste says how long to wait, in seconds, milliseconds or by date', async () => {
    expect(await refusedWith(429, { headers: { 'retry-after': '1.5' } })).toMatchObject({ code: 'rate_limited', retryAfterMs: 1500 })
    expect(await refusedWith(429, { headers: { 'retry-after-ms': '20' } })).toMatchObject({ retryAfterMs: 20 })
    const date = new Date(Date.now() + 60_000).toUTCString()
    const { retryAfterMs } = (await refusedWith(503, { headers: { 'retry-after': date } })) as { retryAfterMs: number }
    expect(retryAfterMs).toBeGreaterThan(50_000)
    expect(retryAfterMs).toBeLessThan(61_000)
  })
  for (const code of [409, 500, 502, 503, 529]) {
    test(`with ${code} is its failure`, async () => {
      expect(await refusedWith(code, { body: '<html>Bad gateway</html>' })).toMatchObject({
        code: 'upstream_failed',
        message: 'host failed',
      })
    })
  }
  test('with 408 is a timeout, with 413 a payload too large', async () => {
    expect(await refusedWith(408)).toMatchObject({ code: 'timeout' })
    expect(await refusedWith(413)).toMatchObject({ code: 'payload_too_large' })
  })
  test('inside a 200 stream reads like its status', async () => {
    await using upstream = await startFaultyUpstream(sends({ error: { message: 'slow down', code: 429 } }))
    expect((await failing(modelAt(upstream.url).stream(requestOf()))).error).toMatchObject({ code: 'rate_limited' })
  })
})

describe('a host that cannot be reached', () => {
  for (const [title, url, words] of [
    ['refuses', 'http://127.0.0.1:1/v1', 'refused the connection'],
    ['has no address', 'http://no-such-host.invalid/v1', 'cannot be resolved'],
  ] as const) {
    test(`because it ${title} is a failure that says so`, async () => {
      const { error } = await failing(modelAt(url).stream(requestOf()))
      expect(error).toMatchObject({ code: 'upstream_failed', message: expect.stringContaining(words) })
    })
  }
  test.skipIf(!canRefuseToAccept)('because it drops connections is a timeout that says so, whole or piece by piece', async () => {
    await using upstream = await startUnacceptingUpstream()
    for (const incremental of [true, false]) {
      const model = timeouts({ connectMs: 80, firstTokenMs: 5000, totalMs: 10_000 })(modelAt(upstream.url))
      const { error } = await failing(model.stream(requestOf({ incremental })))
      expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('not connected within 80 ms') })
    }
  })
  test('over TLS is a failure that says so', async () => {
    await using upstream = await startFaultyUpstream(answersWell)
    const { error } = await failing(modelAt(upstream.url.replace('http:', 'https:')).stream(requestOf()))
    expect(error).toMatchObject({ code: 'upstream_failed', message: expect.stringContaining('TLS') })
  })
})

describe('a host that is slow', () => {
  for (const [title, script, limits, words] of [
    ['before its headers', stallsBeforeHeaders, { connectMs: 5000, firstTokenMs: 60 }, 'no first token within 60 ms'],
    ['after its headers', stallsAfterHeaders, { connectMs: 5000, firstTokenMs: 60 }, 'no first token within 60 ms'],
    ['midway', stallsMidway, { firstTokenMs: 5000, idleMs: 60 }, 'nothing more within 60 ms'],
    ['but steady', babbles(10), { firstTokenMs: 5000, idleMs: 5000, totalMs: 100 }, 'did not finish its answer within 100 ms'],
  ] as const) {
    test(`${title} is a timeout that names the limit, and is hung up on`, async () => {
      await using upstream = await startFaultyUpstream(script)
      const { error } = await failing(timeouts(limits)(modelAt(upstream.url)).stream(requestOf()))
      expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining(words) })
      await expect.poll(() => upstream.requests[0]?.hungUpAtMs, { timeout: 5_000 }).toBeDefined()
    })
  }
})

describe('letting go', () => {
  const hungUpWithinMs = async (upstream: { requests: { hungUpAtMs: number | undefined }[] }, sinceMs: number) => {
    for (let tries = 0; tries < 100 && upstream.requests[0]?.hungUpAtMs === undefined; tries += 1) await Bun.sleep(5)
    return (upstream.requests[0]?.hungUpAtMs ?? Number.POSITIVE_INFINITY) - sinceMs
  }
  test('the host sees the caller stop reading within 100 ms', async () => {
    await using upstream = await startFaultyUpstream(babbles(5))
    for await (const _event of modelAt(upstream.url).stream(requestOf())) break
    expect(await hungUpWithinMs(upstream, performance.now())).toBeLessThan(100)
  })
  for (const [title, script, incremental] of [
    ['before its headers', stallsBeforeHeaders, true],
    ['before its whole answer', stallsBeforeHeaders, false],
    ['while it stalls midway', stallsMidway, true],
  ] as const) {
    test(`the host sees an abort within 100 ms ${title}`, async () => {
      await using upstream = await startFaultyUpstream(script)
      const controller = new AbortController()
      const stopped = failing(modelAt(upstream.url).stream(requestOf({ incremental, signal: controller.signal })))
      await Bun.sleep(60)
      const sinceMs = performance.now()
      controller.abort()
      expect((await stopped).error).toMatchObject({ code: 'aborted' })
      expect(await hungUpWithinMs(upstream, sinceMs)).toBeLessThan(100)
    })
  }
  test('a finished stream leaves its connection for the next one', async () => {
    await using upstream = await startFaultyUpstream(answersWell)
    const model = modelAt(upstream.url)
    const { seen, observe } = observer()
    for (let count = 0; count < 3; count += 1) await collect(model.stream(requestOf({ observe })))
    expect(seen.filter((observation) => observation.type === 'connecting')).toHaveLength(1)
    expect(seen).toContainEqual({ type: 'served-by', modelId: 'host', upstreamModel: 'faulty' })
    expect(seen.filter((observation) => observation.type === 'upstream')).toHaveLength(3)
  })
})

describe('what the host is asked', () => {
  const bodyFor = async (options: Partial<HostedModelOptions>, request: Parameters<typeof requestOf>[0]) => {
    await using upstream = await startFaultyUpstream(answersWell)
    await collect(modelAt(upstream.url, options).stream(requestOf(request)))
    return upstream.requests[0]
  }
  test('has every parameter under its own name, the key and the headers', async () => {
    const entry = await bodyFor(
      { host: 'openai', headers: { 'x-team': 'blue' } },
      {
        input: {
          kind: 'chat',
          messages: [
            { role: 'developer', content: 'Be brief' },
            {
              role: 'user',
              content: [
                { type: 'text', text: 'See' },
                { type: 'image', url: 'https://x/y.png', detail: 'low' },
              ],
            },
            { role: 'assistant', content: null, toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }] },
            { role: 'tool', content: '1', toolCallId: 'c' },
          ],
        },
        sampling: {
          maxTokens: 9,
          temperature: 0.5,
          topP: 0.9,
          seed: 1,
          stop: ['x'],
          frequencyPenalty: 1,
          presencePenalty: -1,
          logitBias: { 5: 1 },
          topLogprobs: 2,
        },
        tools: [{ name: 'f', parameters: { type: 'object' }, strict: true }],
        toolChoice: { name: 'f' },
        parallelToolCalls: false,
        responseFormat: { type: 'json-object' },
        user: 'ada',
        incremental: true,
      },
    )
    const { body, headers, path } = entry!
    expect(path).toBe('/v1/chat/completions')
    expect(headers).toMatchObject({ authorization: 'Bearer sk-very-secret', 'x-team': 'blue' })
    expect(body).toEqual({
      model: 'theirs',
      messages: [
        { role: 'developer', content: 'Be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image_url', image_url: { url: 'https://x/y.png', detail: 'low' } },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', content: '1', tool_call_id: 'c' },
      ],
      max_completion_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      seed: 1,
      stop: ['x'],
      frequency_penalty: 1,
      presence_penalty: -1,
      logit_bias: { 5: 1 },
      logprobs: true,
      top_logprobs: 2,
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' }, strict: true } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_object' },
      user: 'ada',
      stream: true,
      stream_options: { include_usage: true },
    })
  })
  test('is in the words of the host', async () => {
    const messages = [{ role: 'developer' as const, content: 'Be brief' }]
    const entry = await bodyFor({ host: 'mistral' }, { input: { kind: 'chat', messages }, sampling: { maxTokens: 3 }, user: 'ada' })
    expect(entry?.body).toEqual({ model: 'theirs', messages: [{ role: 'system', content: 'Be brief' }], max_tokens: 3, stream: true })
  })
  test('is not streamed when the caller wants the whole', async () => {
    const entry = await bodyFor({}, { incremental: false })
    expect(entry?.body).toEqual({ model: 'theirs', messages: [{ role: 'user', content: 'Say hello' }] })
  })
  test('is raw text for a completion, and its answer reads the same', async () => {
    const logprobs = { tokens: ['Hel', 'lo'], token_logprobs: [null, -1], top_logprobs: [null, { lo: -1 }], text_offset: [0, 3] }
    await using upstream = await startFaultyUpstream(({ json }) =>
      json({ choices: [{ index: 0, text: 'Hello', finish_reason: 'length', logprobs }], usage }),
    )
    const input = { kind: 'text' as const, prompt: 'Say', suffix: '!', echo: true }
    const events = await collect(
      modelAt(upstream.url).stream(requestOf({ input, incremental: false, sampling: { maxTokens: 2, topLogprobs: 1 } })),
    )
    expect(upstream.requests[0]).toMatchObject({
      path: '/v1/completions',
      body: { model: 'theirs', prompt: 'Say', suffix: '!', echo: true, max_tokens: 2, logprobs: 1 },
    })
    expect(events).toMatchObject([
      {
        type: 'text-delta',
        text: 'Hello',
        logprobs: [
          { token: 'Hel', logprob: 0 },
          { token: 'lo', logprob: -1, top: [{ token: 'lo' }] },
        ],
      },
      { type: 'finish', reason: 'length' },
      { type: 'usage' },
    ])
  })
})
