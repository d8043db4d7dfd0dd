import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, type Gateway, hello, key, startGateway } from './gateway.ts'
import { echo } from './models.ts'

/** What no HTTP client sends: written to the socket byte by byte. */
let gateway: Gateway
beforeAll(() => {
  gateway = startGateway({ models: [echo()], idleSeconds: 2 })
})
afterAll(() => gateway.close())

const open = () => {
  let received = ''
  const socket = connect({ host: '127.0.0.1', port: gateway.port })
  const startedMs = performance.now()
  socket.on('data', (data) => {
    received += data.toString('latin1')
  })
  socket.on('error', () => {})
  /** What came back, and after how many milliseconds the server hung up. */
  const ended = new Promise<{ received: string; afterMs: number }>((resolve) => {
    socket.on('close', () => resolve({ received, afterMs: performance.now() - startedMs }))
  })
  return { socket, ended }
}
/** What came back by the time the server hung up, or had nothing more to say. */
const raw = async (text: string): Promise<string> => {
  const { socket, ended } = open()
  socket.setTimeout(5_000, () => socket.destroy())
  socket.once('data', () => socket.setTimeout(300))
  socket.write(text)
  return (await ended).received
}
const statusesOf = (received: string) => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))

const body = JSON.stringify(hello)
const length = `Content-Length: ${body.length}`
const post = (headers: string, sent = body) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${sent}`
const get = (headers: string, target = '/v1/models') => `GET ${target} HTTP/1.1\r\n${headers}Authorization: Bearer ${key}\r\n\r\n`
const hidden = get('Host: x\r\n')

test('the requests below are answered when nothing is wrong with them', async () => {
  expect(statusesOf(await raw(post(length)))).toEqual([200])
  expect(statusesOf(await raw(post('Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)))).toEqual([200])
  expect(statusesOf(await raw(hidden + hidden))).toEqual([200, 200])
})

describe('a second request is not smuggled in by', () => {
  const chunked = `0\r\n\r\n${hidden}`
  test.each([
    ['a length and chunks', post(`Content-Length: ${chunked.length}\r\nTransfer-Encoding: chunked`, chunked)],
    ['chunks and a length', post('Transfer-Encoding: chunked\r\nContent-Length: 5', chunked)],
    ['two lengths, short first', post(`${length}\r\nContent-Length: ${body.length + hidden.length}`, body + hidden)],
    ['two lengths, long first', post(`Content-Length: ${body.length + hidden.length}\r\n${length}`, body + hidden)],
    ['the same length twice', post(`${length}\r\n${length}`)],
    ['a list of lengths', post(`Content-Length: ${body.length}, ${body.length}`)],
    ['a length with a sign', post(`Content-Length: +${body.length}`)],
    ['a negative length', post('Content-Length: -1', hidden)],
    ['a length in hexadecimal', post('Content-Length: 0x10')],
    ['an unknown encoding', post('Transfer-Encoding: xchunked', chunked)],
    ['a list of encodings', post('Transfer-Encoding: identity, chunked', chunked)],
    ['two encodings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', chunked)],
    ['a blank before the colon', post('Transfer-Encoding : chunked', chunked)],
    ['a folded line', post(`X-A: b\r\n c\r\n${length}`)],
    ['a folded line that looks like a header', post(`X-A: b\r\n Transfer-Encoding: chunked\r\n${length}`)],
    ['a NUL', post(`X-A: a\u0000b\r\n${length}`)],
    ['line feeds alone', hidden.replaceAll('\r', '')],
    ['a chunk size that is none', post('Transfer-Encoding: chunked', `zz\r\n${body}\r\n0\r\n\r\n`)],
    ['a chunk size beyond 64 bits', post('Transfer-Encoding: chunked', `ffffffffffffffff1\r\n${body}\r\n0\r\n\r\n`)],
    ['a chunk longer than it says', post('Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}XX0\r\n\r\n${hidden}`)],
  ])('%s', async (_, text) => {
    const received = await raw(text)
    expect(statusesOf(received).every((status) => status >= 400)).toBe(true)
    expect(received).not.toContain('"object":"list"')
  })
})

describe('who is meant must be clear:', () => {
  test.each([
    ['no host', get('')],
    ['two hosts', get('Host: a\r\nHost: b\r\n')],
    ['a list of hosts', get('Host: a, b\r\n')],
    ['no host in HTTP/1.0', get('').replace('1.1', '1.0')],
  ])('%s: 400', async (_, text) => {
    expect(statusesOf(await raw(text))).toEqual([400])
  })

  test('two keys: 401', async () => {
    expect(statusesOf(await raw(get(`Host: x\r\nAuthorization: Bearer wrong\r\n`)))).toEqual([401])
  })

  test.each([
    '/healthz/../v1/models',
    '//healthz/../v1/models',
    '/healthz%00',
    '/healthz;/../v1/models',
    '/v1/../metrics',
    '/healthz?/../../metrics',
  ])('%s answers nothing that needs a key', async (target) => {
    const received = await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(received).not.toMatch(/"object":"list"|gen_ai_server/)
  })

  test.each(['HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])('%s needs a key too', async (method) => {
    const received = await raw(`${method} /v1/models HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: GET\r\n\r\n`)
    expect(statusesOf(received).every((status) => status >= 400)).toBe(true)
    expect(received).not.toContain('"object":"list"')
  })
})

describe('too much is refused:', () => {
  test('a header of 100 KiB, and a thousand of them', async () => {
    expect(statusesOf(await raw(post(`X-Long: ${'x'.repeat(100_000)}\r\n${length}`)))).toEqual([431])
    const many = Array.from({ length: 1000 }, (_, index) => `X-${index}: 1\r\n`).join('')
    expect(statusesOf(await raw(post(`${many}${length}`)))).toEqual([431])
  })

  test('a body beyond the limit is not read to its end', async () => {
    expect(statusesOf(await raw(post(`Content-Length: ${10 ** 12}`, 'x')))).toEqual([413])
    const before = process.memoryUsage().rss
    const { socket, ended } = open()
    socket.write(post('Transfer-Encoding: chunked', ''))
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    let sent = 0
    // 512 MiB for whoever would take it; the limit is one.
    const pump = () => {
      while (sent < 8192 && socket.writable) {
        sent += 1
        if (!socket.write(chunk)) return void socket.once('drain', pump)
      }
    }
    pump()
    socket.setTimeout(3000, () => socket.destroy())
    const { received } = await ended
    // Who writes on when the server has hung up may never read why.
    expect([413, undefined]).toContain(statusesOf(received)[0])
    expect(sent).toBeLessThan(4096)
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024)
  })
})

test('ordinary clients hear that their body is too large', async () => {
  for (const megabytes of [2, 20, 60]) {
    const content = 'x'.repeat(megabytes * 1024 * 1024)
    const whole = await gateway.post('/v1/chat/completions', { ...hello, messages: [{ role: 'user', content }] })
    expect(await errorOf(whole)).toMatchObject({ status: 413, code: 'payload_too_large' })
    const refused = gateway.client.chat.completions.create({ model: 'echo', messages: [{ role: 'user', content }] })
    await expect(refused).rejects.toMatchObject({ status: 413 })
  }
})

describe('who dawdles is cut off:', () => {
  const trickle = (socket: Socket, first: string, piece: string) => {
    socket.write(first)
    const timer = setInterval(() => void (socket.writable && socket.write(piece)), 250)
    socket.on('close', () => clearInterval(timer))
  }

  test('over the headers, over the body, and before either', async () => {
    const slow = Array.from({ length: 30 }, () => {
      const [headers, content, silent] = [open(), open(), open()]
      trickle(headers.socket, `GET /v1/models HTTP/1.1\r\nHost: x\r\n`, 'X-A: b\r\n')
      trickle(content.socket, post('Content-Length: 1000', ''), '{')
      return [headers, content, silent]
    }).flat()
    // Nobody else has to wait for them.
    for (let index = 0; index < 20; index += 1) {
      const startedMs = performance.now()
      expect((await gateway.post('/v1/chat/completions', hello)).status).toBe(200)
      expect(performance.now() - startedMs).toBeLessThan(1_000)
    }
    const ends = await Promise.all(slow.map(({ ended }) => ended))
    expect(Math.max(...ends.map(({ afterMs }) => afterMs))).toBeLessThan(18_000)
    expect(ends.filter(({ received }) => statusesOf(received)[0] === 200)).toEqual([])
  }, 30_000)
})

test('2,000 connections that say nothing leave the server to the others', async () => {
  const idle = await Promise.all(
    Array.from({ length: 2000 }, () => {
      const { socket } = open()
      return new Promise<Socket>((resolve) => socket.once('connect', () => resolve(socket)))
    }),
  )
  const times = []
  for (let index = 0; index < 50; index += 1) {
    const startedMs = performance.now()
    expect((await gateway.post('/v1/chat/completions', hello)).status).toBe(200)
    times.push(performance.now() - startedMs)
  }
  expect(times.sort((left, right) => left - right)[25]).toBeLessThan(250)
  for (const socket of idle) socket.destroy()
}, 30_000)
