import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, hello, key, startGateway } from './gateway.ts'
import { echo } from './models.ts'

/** Bodies within the limit of bytes that are meant to cost more than they weigh. */
let gateway: Gateway
beforeAll(() => {
  gateway = startGateway({ models: [echo()], app: { maxBodyBytes: () => 4 * 1024 * 1024 } })
})
afterAll(() => gateway.close())

const json = (changes: object) => JSON.stringify({ ...hello, ...changes })
const many = (count: number, item: string) => `[${Array(count).fill(item).join(',')}]`
const withMessages = (messages: string) => JSON.stringify({ ...hello, messages: 0 }).replace('"messages":0', `"messages":${messages}`)
const nested = (open: string, close: string, levels: number) => `${open.repeat(levels)}1${close.repeat(levels)}`

test.each<[string, string, number]>([
  ['two million empty messages', withMessages(many(1_900_000, '0')), 400],
  ['a hundred thousand messages of an unknown role', withMessages(many(100_000, '{"role":"x","content":"y"}')), 400],
  ['a hundred thousand parts', withMessages(`[{"role":"user","content":${many(100_000, '{"type":"text"}')}}]`), 400],
  ['a message nested beyond the stack', withMessages(nested('[', ']', 1_000_000)), 400],
  ['a body of nothing but braces', nested('{"a":', '}', 600_000), 400],
  ['brackets that never close', '['.repeat(4_000_000), 400],
  ['a text that never closes', `{"model":"${'x'.repeat(4_000_000)}`, 400],
  ['half a million unknown keys', `{${Array.from({ length: 350_000 }, (_, index) => `"${index}":1`).join(',')}}`, 400],
  ['the same key a million times', `{${Array(500_000).fill('"a":1').join(',')}}`, 400],
  ['a hundred thousand stops', json({ stop: Array(100_000).fill('x') }), 400],
  ['a hundred thousand biases', json({ logit_bias: Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [index, 1])) }), 400],
  ['a hundred thousand tags', json({ metadata: Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [index, 'x'])) }), 400],
  [
    'a schema as wide as the body',
    json({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { enum: Array(900_000).fill(1) } } } }),
    400,
  ],
  [
    'a schema nested deeply',
    withMessages('[]').replace(
      '"messages":[]',
      `"tools":[{"type":"function","function":{"name":"f","parameters":${nested('{"a":', '}', 1_500)}}}]`,
    ),
    400,
  ],
  ['numbers without end', withMessages(`[{"role":"user","content":"x"}],"temperature":${'9'.repeat(3_000_000)}`), 400],
  ['escapes alone', json({ messages: [{ role: 'user', content: '\u0001'.repeat(600_000) }] }), 200],
])('%s', async (_, body, status) => {
  expect(body.length).toBeLessThan(4 * 1024 * 1024)
  const startedMs = performance.now()
  const response = await gateway.post('/v1/chat/completions', body)
  const text = await response.text()
  expect(response.status).toBe(status)
  // A fault is told in a line, not by repeating the body.
  if (status === 400) expect(text.length).toBeLessThan(2_000)
  expect(performance.now() - startedMs).toBeLessThan(5_000)
})

test('a compressed body is not unpacked', async () => {
  const packed = Bun.gzipSync(Buffer.from(json({ messages: [{ role: 'user', content: 'x'.repeat(100_000_000) }] })))
  expect(packed.length).toBeLessThan(1024 * 1024)
  const before = process.memoryUsage().rss
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body: packed })
  expect(response.status).toBe(400)
  expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024)
})

test.each([
  ['metadata', '"metadata":{"__proto__":"x","a":"b"}'],
  ['metadata as an object', '"metadata":{"__proto__":{"polluted":"yes"}}'],
  ['variables', '"weir":{"prompt":{"variables":{"__proto__":{"polluted":"yes"}}}}'],
  [
    'a tool',
    '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}}}}]',
  ],
  ['logit_bias', '"logit_bias":{"__proto__":{"polluted":"yes"}}'],
])('no prototype is changed through %s', async (_, field) => {
  const response = await gateway.post('/v1/chat/completions', `${json({}).slice(0, -1)},${field}}`)
  expect([200, 400]).toContain(response.status)
  expect(({} as { polluted?: string }).polluted).toBeUndefined()
  expect(Object.keys(Object.prototype)).toEqual([])
  const { metadata } = gateway.traces.at(-1) ?? {}
  expect((metadata as { polluted?: string } | null | undefined)?.polluted).toBeUndefined()
})
