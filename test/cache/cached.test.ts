import { describe, expect, test } from 'vitest'
import { cached } from '../../src/cache/cached.ts'
import { memoryStore } from '../../src/cache/memory.ts'
import type { CacheSettings } from '../../src/cache/plan.ts'
import { AppError } from '../../src/lib/errors.ts'
import type { ChatEvent, ChatModel, ChatRequest } from '../../src/models/chat-model.ts'
import { answer, collect, failing, finish, observer, requestOf, scripted, text, textOf, usage } from '../models/scripted-model.ts'

const hour = 3_600_000
const makeCache = (settings: Partial<CacheSettings> = {}) => {
  const now = { ms: 1_800_000_000_000 }
  const clock = () => now.ms
  const store = memoryStore({ maxBytes: 1_000_000, clock })
  const refreshes: unknown[] = []
  const around = (model: ChatModel, variantHash = 'a') =>
    cached({
      store,
      clock,
      variantHash,
      settings: { ttlMs: hour, staleMs: 0, requests: 'deterministic', ...settings },
      refreshed: (_, landing) => refreshes.push(landing.error),
    })(model)
  return { now, store, around, refreshes }
}

/** A deterministic request, and what the model and the cache told of it. */
const ask = async (model: ChatModel, changes: Partial<ChatRequest> = {}) => {
  const { seen, observe } = observer()
  const events = await collect(model.stream(requestOf({ sampling: { temperature: 0 }, observe, ...changes })))
  const cache = seen.findLast((observation) => observation.type === 'cache')
  return { events, text: textOf(events), status: cache?.status, ageS: cache?.ageS, seen }
}

describe('which requests are cached', () => {
  const twice = async (changes: Partial<ChatRequest>, settings: Partial<CacheSettings> = {}) => {
    const model = scripted('m', answer('one'), answer('two'))
    const { around } = makeCache(settings)
    const wrapped = around(model)
    return [(await ask(wrapped, changes)).status, (await ask(wrapped, changes)).status]
  }

  test.each<[string, Partial<ChatRequest>, Partial<CacheSettings>, string[]]>([
    ['temperature 0', { sampling: { temperature: 0 } }, {}, ['miss', 'hit']],
    ['a seed', { sampling: { temperature: 1, seed: 7 } }, {}, ['miss', 'hit']],
    ['neither', { sampling: {} }, {}, ['bypass', 'bypass']],
    ['neither, on a route that keeps all', { sampling: {} }, { requests: 'all' }, ['miss', 'hit']],
    ['neither, but asked for', { sampling: {}, cache: { mode: 'on' } }, {}, ['miss', 'hit']],
    ['off', { cache: { mode: 'off' } }, { requests: 'all' }, ['bypass', 'bypass']],
    ['read_only', { cache: { mode: 'read_only' } }, {}, ['miss', 'miss']],
    ['write_only', { cache: { mode: 'write_only' } }, {}, ['miss', 'miss']],
    ['no older than 0 s', { cache: { maxAgeS: 0 } }, {}, ['miss', 'miss']],
  ])('%s', async (_, changes, settings, expected) => {
    expect(await twice(changes, settings)).toEqual(expected)
  })

  test('write_only stores what others read', async () => {
    const { around } = makeCache()
    const model = around(scripted('m', answer('one'), answer('two')))
    await ask(model, { cache: { mode: 'write_only' } })
    expect(await ask(model)).toMatchObject({ status: 'hit', text: 'one' })
  })
})

describe('a hit', () => {
  test('has the answer, its age, who made it, and the usage', async () => {
    const { around, now } = makeCache()
    const model = scripted('m', [text('Hel'), text('lo'), finish, usage])
    const first = await ask(around(model))
    now.ms += 65_000
    const second = await ask(around(model), { incremental: false, user: 'somebody else', requestId: '2' })
    expect(second).toMatchObject({ text: 'Hello', status: 'hit', ageS: 65 })
    expect(second.events.slice(-2)).toEqual(first.events.slice(-2))
    expect(second.seen).toContainEqual({ type: 'served-by', modelId: 'm', upstreamModel: undefined })
    expect(model.calls).toHaveLength(1)
  })

  test('is replayed as a stream', async () => {
    const words = Array.from({ length: 300 }, (_, index) => text(`word ${index} `))
    const { around } = makeCache()
    const model = around(scripted('m', [...words, finish, usage]))
    const [first, second] = [await ask(model), await ask(model)]
    expect(second.text).toBe(first.text)
    expect(second.events.filter((event) => event.type === 'text-delta').length).toBeGreaterThan(3)
  })

  test('never crosses a tenant, a variant, a namespace or a parameter', async () => {
    const { around } = makeCache()
    const model = scripted('m', answer('mine'), answer('other'))
    await ask(around(model))
    const others: Partial<ChatRequest>[] = [
      { tenant: 'other' },
      { cache: { namespace: 'second run' } },
      { sampling: { temperature: 0, maxTokens: 5 } },
      { input: { kind: 'chat', messages: [{ role: 'system', content: 'Say hello' }] } },
      { input: { kind: 'text', prompt: 'Say hello' } },
      { tools: [{ name: 'weather' }] },
      { responseFormat: { type: 'json-object' } },
      { n: 2 },
    ]
    for (const changes of others) {
      const { observe, seen } = observer()
      await around(model)
        .stream(requestOf({ sampling: { temperature: 0 }, observe, ...changes }))
        [Symbol.asyncIterator]()
        .next()
      expect(seen.findLast(({ type }) => type === 'cache')).toMatchObject({ status: 'miss' })
    }
    expect((await ask(around(model, 'another variant'))).status).toBe('miss')
    expect((await ask(around(model))).text).toBe('mine')
  })

  test('does not mind the order of keys in a schema', async () => {
    const { around } = makeCache()
    const model = around(scripted('m', answer('x')))
    const format = (schema: Record<string, unknown>) => ({
      responseFormat: { type: 'json-schema' as const, name: 's', schema, strict: true },
    })
    await ask(model, format({ type: 'object', title: 'T' }))
    expect((await ask(model, format({ title: 'T', type: 'object' }))).status).toBe('hit')
  })

  test('is no older than the route and the request allow', async () => {
    const { around, now } = makeCache()
    const model = around(scripted('m', answer('one'), answer('two'), answer('three')))
    await ask(model)
    now.ms += 30_000
    expect((await ask(model, { cache: { maxAgeS: 31 } })).status).toBe('hit')
    expect((await ask(model, { cache: { maxAgeS: 30 } })).text).toBe('two')
    now.ms += hour
    expect((await ask(model)).text).toBe('three')
  })
})

describe('what is not kept', () => {
  const incomplete: [string, Parameters<typeof scripted>[1]][] = [
    ['an answer that broke', [text('half'), new AppError('upstream_failed', 'gone')]],
    ['an answer that ended without an end', [text('half'), usage]],
    ['an answer that a content filter cut', [text('half'), { type: 'finish', choice: 0, reason: 'content_filter' }, usage]],
  ]
  test.each(incomplete)('%s', async (_, script) => {
    const { around } = makeCache()
    const model = around(scripted('m', script, answer('whole')))
    await collect(model.stream(requestOf({ sampling: { temperature: 0 } }))).catch(() => {})
    expect(await ask(model)).toMatchObject({ status: 'miss', text: 'whole' })
  })

  test('an answer of a fallback', async () => {
    const { around } = makeCache()
    const inner = scripted('m', answer('fallback'), answer('own'))
    let calls = 0
    const model = around({
      ...inner,
      stream: (request) => {
        if (calls++ === 0) request.observe?.({ type: 'fell-back', from: 'm', to: 'n', code: 'timeout' })
        return inner.stream(request)
      },
    })
    await ask(model)
    expect(await ask(model)).toMatchObject({ status: 'miss', text: 'own' })
  })
})

describe('requests that come together', () => {
  const slow = (): Parameters<typeof scripted>[1] => [text('a'), { waitMs: 20 }, text('b'), finish, usage]
  const request = (changes: Partial<ChatRequest> = {}) => requestOf({ sampling: { temperature: 0 }, ...changes })

  test('make one call, and its cost is on one of them', async () => {
    const model = scripted('m', slow())
    const wrapped = makeCache().around(model)
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(wrapped)))
    expect(model.calls).toHaveLength(1)
    expect(new Set(answers.map((one) => one.text))).toEqual(new Set(['ab']))
    expect(answers.filter((one) => one.status === 'miss')).toHaveLength(1)
  })

  test('share a failure', async () => {
    const model = scripted('m', [{ waitMs: 5 }, new AppError('upstream_failed', 'gone')])
    const wrapped = makeCache().around(model)
    const failures = await Promise.all([1, 2, 3].map(() => failing(wrapped.stream(request()))))
    expect(failures.map(({ error }) => (error as AppError).code)).toEqual(['upstream_failed', 'upstream_failed', 'upstream_failed'])
    expect(model.calls).toHaveLength(1)
  })

  test('leave on their own: the first to leave takes nobody along, and hands the cost on', async () => {
    const model = scripted('m', slow())
    const wrapped = makeCache().around(model)
    const leader = new AbortController()
    const gone = failing(wrapped.stream(request({ signal: leader.signal })))
    const stays = ask(wrapped)
    const follower = new AbortController()
    const goneToo = failing(wrapped.stream(request({ signal: follower.signal })))
    await new Promise((resolve) => setTimeout(resolve, 5))
    leader.abort()
    follower.abort()
    expect(((await gone).error as AppError).code).toBe('aborted')
    expect(((await goneToo).error as AppError).code).toBe('aborted')
    expect(await stays).toMatchObject({ text: 'ab', status: 'miss' })
    expect(model.calls).toHaveLength(1)
  })

  test('stop the call when the last of them leaves, and keep nothing', async () => {
    const model = scripted('m', [text('a'), { waitMs: 10_000 }, finish], answer('whole'))
    const wrapped = makeCache().around(model)
    const controllers = [new AbortController(), new AbortController()]
    const readers = controllers.map(({ signal }) => failing(wrapped.stream(request({ signal }))))
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (const controller of controllers) controller.abort()
    await Promise.all(readers)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(model.calls[0]?.closed).toBe(true)
    expect(await ask(wrapped)).toMatchObject({ status: 'miss', text: 'whole' })
  })

  test('of different tenants make a call each', async () => {
    const model = scripted('m', slow())
    const wrapped = makeCache().around(model)
    await Promise.all([ask(wrapped, { tenant: 'a' }), ask(wrapped, { tenant: 'b' })])
    expect(model.calls).toHaveLength(2)
  })

  test('that want a new answer do not join', async () => {
    const model = scripted('m', slow())
    const wrapped = makeCache().around(model)
    await Promise.all([ask(wrapped), ask(wrapped, { cache: { maxAgeS: 0 } })])
    expect(model.calls).toHaveLength(2)
  })
})

describe('a stale answer', () => {
  test('is given at once while one call makes a new one, which is told of', async () => {
    const { around, now, refreshes } = makeCache({ staleMs: hour })
    const model = scripted('m', answer('old'), [{ waitMs: 10 }, ...answer('new')])
    const wrapped = around(model)
    await ask(wrapped)
    now.ms += hour + 5_000
    const stale = await Promise.all([ask(wrapped), ask(wrapped), ask(wrapped)])
    expect(stale[0]).toMatchObject({ status: 'stale', text: 'old', ageS: 3605 })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(await ask(wrapped)).toMatchObject({ status: 'hit', text: 'new' })
    expect(model.calls).toHaveLength(2)
    expect(refreshes).toEqual([undefined])
  })

  test('stays when the new one fails, and ends with its time', async () => {
    const { around, now, refreshes } = makeCache({ staleMs: hour })
    const wrapped = around(scripted('m', answer('old'), [new AppError('upstream_failed', 'gone')]))
    await ask(wrapped)
    now.ms += hour
    expect((await ask(wrapped)).status).toBe('stale')
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(refreshes).toHaveLength(1)
    expect((await ask(wrapped)).status).toBe('stale')
    now.ms += hour
    const { error } = await failing(wrapped.stream(requestOf({ sampling: { temperature: 0 } })))
    expect((error as AppError).code).toBe('upstream_failed')
  })
})

test('logprobs and tool calls come back as they were', async () => {
  const events: ChatEvent[] = [
    { type: 'text-delta', choice: 0, text: 'a', logprobs: [{ token: 'a', logprob: -1, bytes: [97], top: [] }] },
    { type: 'text-delta', choice: 0, text: 'b', logprobs: [{ token: 'b', logprob: -2, bytes: [98], top: [] }] },
    { type: 'tool-call-delta', choice: 0, index: 0, id: 'c', name: 'f', arguments: '{' },
    { type: 'tool-call-delta', choice: 0, index: 0, arguments: '}' },
    { type: 'finish', choice: 0, reason: 'tool_calls' },
    { type: 'usage', usage: { promptTokens: 1, completionTokens: 2, cachedTokens: 0 } },
  ]
  const wrapped = makeCache().around(scripted('m', events))
  await ask(wrapped)
  expect(await ask(wrapped)).toMatchObject({ status: 'hit', events })
})
