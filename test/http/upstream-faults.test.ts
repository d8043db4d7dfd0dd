import { describe, expect, test } from 'vitest'
import { fallback } from '../../src/models/fallback.ts'
import { openAiCompatible } from '../../src/models/providers/openai-compatible.ts'
import { timeouts } from '../../src/models/timeouts.ts'
import { wrap } from '../../src/models/wrap.ts'
import {
  answersWell,
  babbles,
  breaks,
  breaksMidway,
  lingers,
  oddities,
  type Script,
  stallsAfterHeaders,
  stallsBeforeHeaders,
  stallsMidway,
  startFaultyUpstream,
  status,
} from '../support/faulty-upstream.ts'
import { errorOf, type Gateway, hello, readEvents, startGateway } from './gateway.ts'

const hosted = (baseUrl: string, id = 'echo', idleMs = 300, firstTokenMs = 300) =>
  wrap(openAiCompatible({ id, baseUrl, model: 'faulty' }), timeouts({ firstTokenMs, idleMs, totalMs: 5000 }))

const stream = (gateway: Gateway) =>
  gateway.post('/v1/chat/completions', { ...hello, stream: true, stream_options: { include_usage: true } })
const said = (events: { choices?: { delta: { content?: string } }[] }[]) =>
  events.map((event) => event.choices?.[0]?.delta.content ?? '').join('')

/** Every request left one trace, and none is still counted as running. */
const expectOneTrace = async (gateway: Gateway, trace: object) => {
  await expect.poll(() => gateway.traces).toMatchObject([trace])
  expect(gateway.inFlight.size).toBe(0)
}

describe('a host that breaks before its first word is a proper status', () => {
  test.each(Object.entries<Script>({ ...breaks, stallsBeforeHeaders, stallsAfterHeaders }))('%s', async (_, script) => {
    await using upstream = await startFaultyUpstream(script)
    await using gateway = startGateway({ models: [hosted(upstream.url)] })
    const response = await stream(gateway)
    expect([502, 504]).toContain(response.status)
    expect((await errorOf(response)).type).toMatch(/^(upstream|timeout)_error$/)
    await expectOneTrace(gateway, { status: 'error', completionTokens: null })
  })

  test.each(Object.entries<Script>(breaks))('and is invisible with another model to fall back on: %s', async (_, script) => {
    await using upstream = await startFaultyUpstream(script)
    await using healthy = await startFaultyUpstream(answersWell)
    const model = { ...fallback([hosted(upstream.url, 'first'), hosted(healthy.url, 'second')]), id: 'echo' }
    await using gateway = startGateway({ models: [model] })
    const response = await stream(gateway)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-weir-model')).toBe('second')
    const events = readEvents(await response.text())
    expect(said(events)).toBe('Hello world')
    expect(events.at(-1)).toBe('[DONE]')
    await expectOneTrace(gateway, { status: 'ok', model: 'second', fellBackFrom: ['first'] })
  })

  test.each([
    [400, 400],
    [401, 502],
    [429, 429],
    [500, 502],
  ])('a host’s own %i is our %i', async (theirs, ours) => {
    await using upstream = await startFaultyUpstream(status(theirs))
    await using gateway = startGateway({ models: [hosted(upstream.url)] })
    expect((await stream(gateway)).status).toBe(ours)
    await expectOneTrace(gateway, { status: 'error' })
  })
})

describe('a host that breaks after its first word is an error event without [DONE]', () => {
  test.each(Object.entries<Script>({ ...breaksMidway, stallsMidway }))('%s', async (_, script) => {
    await using upstream = await startFaultyUpstream(script)
    await using gateway = startGateway({ models: [hosted(upstream.url)] })
    const response = await stream(gateway)
    expect(response.status).toBe(200)
    const events = readEvents(await response.text())
    expect(said(events)).toBe('Hello world')
    expect(events.at(-1)).toHaveProperty('error.code')
    expect(events).not.toContain('[DONE]')
    expect(events.some((event) => event.choices?.[0]?.finish_reason)).toBe(false)
    await expectOneTrace(gateway, { status: 'error' })
  })
})

describe('a host whose answer is whole, however oddly it was sent, is answered in full', () => {
  test.each(Object.entries<Script>({ ...oddities, lingers }))('%s', async (_, script) => {
    await using upstream = await startFaultyUpstream(script)
    await using gateway = startGateway({ models: [hosted(upstream.url, 'echo', 5000)] })
    const events = readEvents(await (await stream(gateway)).text())
    expect(events.pop()).toBe('[DONE]')
    expect(events.pop()).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number) } })
    expect(events.at(-1).choices[0].finish_reason).toBe('stop')
    expect(said(events)).toBe('Hello world')
    await expectOneTrace(gateway, { status: 'ok', finishReason: 'stop' })
  })
})

test('a client that leaves makes the host’s connection close within 100 ms', async () => {
  await using upstream = await startFaultyUpstream(babbles(20))
  await using gateway = startGateway({ models: [hosted(upstream.url, 'echo', 5_000, 5_000)] })
  const leave = new AbortController()
  const response = await gateway.post('/v1/chat/completions', { ...hello, stream: true }, {}, leave.signal)
  await response.body?.getReader().read()
  const leftAt = performance.now()
  leave.abort()
  await expect.poll(() => upstream.requests[0]?.hungUpAtMs).toBeDefined()
  expect((upstream.requests[0]?.hungUpAtMs ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(100)
  await expectOneTrace(gateway, { status: 'aborted' })
})
