import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cached } from '../../src/cache/cached.ts'
import { memoryStore } from '../../src/cache/memory.ts'
import { type Gateway, hello, readEvents, startGateway } from './gateway.ts'
import { echo } from './models.ts'

let nowMs = 1_800_000_000_000
const clock = () => nowMs
const model = echo()
let gateway: Gateway
beforeAll(() => {
  const store = memoryStore({ maxBytes: 1_000_000, clock })
  const settings = { ttlMs: 60_000, staleMs: 0, requests: 'deterministic' as const }
  gateway = startGateway({ models: [cached({ store, clock, variantHash: 'a', settings })(model)] })
})
afterAll(() => gateway.close())

let asked = 0
const question = (changes: object = {}) => ({
  ...hello,
  temperature: 0,
  messages: [{ role: 'user', content: `question ${asked}` }],
  ...changes,
})
const newQuestion = (changes: object = {}) => {
  asked += 1
  return question(changes)
}
const send = async (body: object, headers: Record<string, string> = {}) => {
  const response = await gateway.post('/v1/chat/completions', body, headers)
  const { status } = response
  const header = (name: string) => response.headers.get(name)
  return {
    status,
    cache: header('x-weir-cache'),
    age: header('age'),
    cost: header('x-weir-cost'),
    id: header('x-request-id'),
    text: await response.text(),
  }
}

describe('a repeated request', () => {
  test('is a hit with an age, an id of its own, its usage and no cost', async () => {
    const first = await send(newQuestion())
    nowMs += 5_500
    const second = await send(question({ user: 'another user' }))
    expect([first.cache, first.age, first.cost]).toEqual(['miss', null, '0.250000000'])
    expect([second.cache, second.age, second.cost]).toEqual(['hit', '5', '0.000000000'])
    expect(second.id).not.toBe(first.id)
    const { id: _first, created: _then, ...said } = JSON.parse(first.text)
    const { id, created: _now, ...saidAgain } = JSON.parse(second.text)
    expect(saidAgain).toEqual(said)
    expect(id).toBe(`chatcmpl-${second.id}`)
    expect(gateway.traces.find((trace) => trace.id === second.id)).toMatchObject({ cache: 'hit', costUsd: 0, promptTokens: 5, attempts: 0 })
  })

  test('is streamed to whoever asks for a stream, whoever asked first', async () => {
    await send(newQuestion())
    const streamed = await send(question({ stream: true, stream_options: { include_usage: true } }))
    expect([streamed.cache, streamed.age]).toEqual(['hit', '0'])
    const events = readEvents(streamed.text)
    expect(events.map((event) => event.choices?.[0]?.delta?.content ?? '').join('')).toBe(`question ${asked}`)
    expect(events.at(-1)).toBe('[DONE]')
    expect(events.at(-2).usage).toMatchObject({ prompt_tokens: 5 })
  })
})

describe('the request decides', () => {
  test.each([
    ['Cache-Control: no-store', {}, { 'cache-control': 'no-store' }, ['bypass', 'bypass']],
    ['Cache-Control: no-cache', {}, { 'cache-control': 'no-cache' }, ['miss', 'miss']],
    ['Cache-Control: max-age=0', {}, { 'cache-control': 'private, max-age=0' }, ['miss', 'miss']],
    ['Cache-Control: max-age=60', {}, { 'cache-control': 'max-age=60' }, ['miss', 'hit']],
    ['no-store over weir.cache', { weir: { cache: { mode: 'on' } } }, { 'cache-control': 'no-store' }, ['bypass', 'bypass']],
    ['max-age on a request that is not deterministic', { temperature: 1 }, { 'cache-control': 'max-age=60' }, ['bypass', 'bypass']],
    ['weir.cache on a request that is not', { temperature: 1, weir: { cache: { mode: 'on' } } }, {}, ['miss', 'hit']],
    ['weir.cache off', { weir: { cache: { mode: 'off' } } }, {}, ['bypass', 'bypass']],
  ])('%s', async (_, changes, headers, expected) => {
    const first = await send(newQuestion(changes), headers)
    const second = await send(question(changes), headers)
    expect([first.cache, second.cache]).toEqual(expected)
  })

  test('no-cache renews what others are given', async () => {
    await send(newQuestion())
    nowMs += 50_000
    await send(question(), { 'cache-control': 'no-cache' })
    nowMs += 50_000
    expect(await send(question())).toMatchObject({ cache: 'hit', age: '50' })
  })
})

test('raw completions are cached apart from conversations', async () => {
  const body = { model: 'echo', prompt: 'once upon', temperature: 0 }
  const statuses = []
  for (const _ of [1, 2]) statuses.push((await gateway.post('/v1/completions', body)).headers.get('x-weir-cache'))
  expect(statuses).toEqual(['miss', 'hit'])
})
