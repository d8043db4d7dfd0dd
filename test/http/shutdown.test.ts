import { expect, test } from 'vitest'
import type { ChatEvent } from '../../src/models/chat-model.ts'
import { hello, key, readEvents, startGateway } from './gateway.ts'
import { endless, finish, scripted, text, usage } from './models.ts'

test('close lets running answers end, streamed or not, and takes no new ones', async () => {
  const model = scripted(async function* (): AsyncIterable<ChatEvent> {
    yield text('slow')
    await Bun.sleep(300)
    yield finish()
    yield usage()
  })
  await using gateway = startGateway({ models: [model], graceMs: 5000 })
  const streamed = gateway.post('/v1/chat/completions', { ...hello, stream: true })
  const whole = gateway.post('/v1/chat/completions', hello)
  await expect.poll(() => model.asked.length).toBe(2)
  const startedAt = performance.now()
  const closed = gateway.close()
  await Bun.sleep(50)
  await expect(fetch(`${gateway.url}/healthz`, { keepalive: false })).rejects.toThrow()
  expect(readEvents(await (await streamed).text()).at(-1)).toBe('[DONE]')
  expect((await whole).status).toBe(200)
  await closed
  expect(performance.now() - startedAt).toBeLessThan(2000)
  expect(gateway.traces.map((trace) => trace.status)).toEqual(['ok', 'ok'])
})

test('close tells those who take too long, in their stream, and without [DONE]', async () => {
  const { model } = endless()
  await using gateway = startGateway({ models: [model], graceMs: 100 })
  const streamed = await gateway.post('/v1/chat/completions', { ...hello, stream: true })
  const whole = gateway.post('/v1/chat/completions', hello)
  await expect.poll(() => model.asked.length).toBe(2)
  const closed = gateway.close()
  const events = readEvents(await streamed.text())
  expect(events.at(-1)).toMatchObject({ error: { code: 'unavailable' } })
  expect(events).not.toContain('[DONE]')
  expect((await whole).status).toBe(503)
  await closed
  expect(gateway.traces.map((trace) => trace.errorCode)).toEqual(['unavailable', 'unavailable'])
})

test('while closing, a connection kept alive is told that the server is not ready', async () => {
  const { model } = endless()
  await using gateway = startGateway({ models: [model], graceMs: 300 })
  const streamed = await gateway.post('/v1/chat/completions', { ...hello, stream: true })
  const closed = gateway.close()
  const ready = await gateway.app.request('/readyz')
  expect(ready.status).toBe(503)
  const refused = await gateway.app.request('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify(hello),
    headers: { 'x-api-key': key },
  })
  expect(refused.status).toBe(503)
  await streamed.text()
  await closed
})
