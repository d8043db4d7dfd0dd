import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { AppError, type ErrorCode } from '../../src/lib/errors.ts'
import { errorOf, type Gateway, hello, key, readEvents, startGateway } from './gateway.ts'
import { endless, finish, scripted, text, usage } from './models.ts'

const ask = (gateway: Gateway, stream: boolean, signal?: AbortSignal) =>
  gateway.post('/v1/chat/completions', { ...hello, stream }, {}, signal)

describe('failure before the first event', () => {
  const statuses: [ErrorCode, number][] = [
    ['context_length_exceeded', 400],
    ['content_filtered', 400],
    ['rate_limited', 429],
    ['queue_full', 429],
    ['upstream_failed', 502],
    ['upstream_rejected', 502],
    ['engine_unavailable', 503],
    ['timeout', 504],
    ['internal', 500],
  ]
  test.each(statuses)('%s is a proper status %i, streamed or not, with one trace', async (code, status) => {
    const model = scripted(() => {
      throw new AppError(code, 'no', { retryAfterMs: 1500 })
    })
    await using gateway = startGateway({ models: [model] })
    for (const stream of [false, true]) {
      const response = await ask(gateway, stream)
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(response.headers.get('retry-after')).toBe('2')
      expect((await errorOf(response)).message).toBe('no')
    }
    expect(gateway.traces.map((trace) => [trace.status, trace.errorCode])).toEqual([
      ['error', code],
      ['error', code],
    ])
    expect(gateway.inFlight.size).toBe(0)
  })
})

describe('failure after the first event', () => {
  const cut = () =>
    scripted(function* () {
      yield text('half')
      throw new AppError('upstream_failed', 'the host hung up')
    })

  test('streamed: an error event, and no [DONE]', async () => {
    await using gateway = startGateway({ models: [cut()] })
    const response = await ask(gateway, true)
    expect(response.status).toBe(200)
    const events = readEvents(await response.text())
    expect(events.at(-1)).toEqual({ error: { message: 'the host hung up', type: 'upstream_error', param: null, code: 'upstream_failed' } })
    expect(events).not.toContain('[DONE]')
    expect(events.some((event) => event.choices?.[0].finish_reason)).toBe(false)
    expect(gateway.traces).toMatchObject([{ status: 'error', errorCode: 'upstream_failed', payload: { output: [{ text: 'half' }] } }])
  })

  test('streamed: the SDK throws', async () => {
    await using gateway = startGateway({ models: [cut()] })
    const stream = await gateway.client.chat.completions.create({ ...hello, stream: true })
    const read = async () => {
      for await (const _ of stream);
    }
    await expect(read()).rejects.toThrow('the host hung up')
  })

  test('not streamed: a proper status, because nothing was sent', async () => {
    await using gateway = startGateway({ models: [cut()] })
    expect((await ask(gateway, false)).status).toBe(502)
  })

  test('a model that stops without an end has failed', async () => {
    await using gateway = startGateway({ models: [scripted(() => [text('half')])] })
    expect(readEvents(await (await ask(gateway, true)).text()).at(-1)).toMatchObject({ error: { code: 'upstream_failed' } })
    expect((await ask(gateway, false)).status).toBe(502)
  })

  test('a stranger’s error says nothing about our insides', async () => {
    const model = scripted(function* () {
      yield text('half')
      throw new TypeError('secret detail')
    })
    await using gateway = startGateway({ models: [model] })
    const body = await (await ask(gateway, true)).text()
    expect(readEvents(body).at(-1)).toMatchObject({ error: { code: 'internal' } })
    expect(body).not.toContain('secret')
    expect(gateway.logged.join('')).toContain('secret detail')
  })
})

describe('a client that leaves', () => {
  test.each([true, false])('aborts the model within 100 ms (streamed: %s), and leaves one aborted trace', async (stream) => {
    const { model, left } = endless()
    await using gateway = startGateway({ models: [model] })
    const leave = new AbortController()
    const asked = ask(gateway, stream, leave.signal).then((response) => response.text())
    asked.catch(() => undefined)
    await expect.poll(() => model.asked.length).toBe(1)
    await Bun.sleep(50)
    const leftAt = performance.now()
    leave.abort()
    expect((await left) - leftAt).toBeLessThan(100)
    await expect.poll(() => gateway.traces).toMatchObject([{ status: 'aborted', errorCode: 'aborted', stream }])
    expect(gateway.inFlight.size).toBe(0)
    expect(gateway.logged).toEqual([])
  })

  test('by closing its socket between two events aborts the model too', async () => {
    const { model, left } = endless()
    await using gateway = startGateway({ models: [model] })
    const socket = await openStream(gateway)
    const leftAt = performance.now()
    socket.destroy()
    expect((await left) - leftAt).toBeLessThan(100)
    await expect.poll(() => gateway.traces.length).toBe(1)
  })
})

test('a slow reader slows the model down instead of filling memory', async () => {
  let made = 0
  const model = scripted(async function* () {
    for (; made < 20_000; made += 1) {
      if (made % 16 === 0) await Bun.sleep(0)
      yield text('x'.repeat(4096))
    }
    yield finish()
    yield usage()
  })
  await using gateway = startGateway({ models: [model] })
  const socket = await openStream(gateway)
  socket.pause()
  await Bun.sleep(300)
  const before = made
  await Bun.sleep(300)
  // 80 MB would have been made; what the kernel's buffers hold is a few.
  expect(made).toBe(before)
  expect(made).toBeLessThan(5000)
  socket.destroy()
  await expect.poll(() => gateway.traces).toMatchObject([{ status: 'aborted' }])
})

/** A raw connection that has begun to read a streamed answer. */
const openStream = (gateway: Gateway) =>
  new Promise<ReturnType<typeof connect>>((resolve, reject) => {
    const body = JSON.stringify({ ...hello, stream: true })
    const socket = connect(gateway.port, '127.0.0.1', () =>
      socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
    )
    socket.once('data', () => resolve(socket))
    socket.once('error', reject)
  })
