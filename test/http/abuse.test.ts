import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { table } from '../../src/cli/table.ts'
import { openWeir, type Weir } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { readEnvironment } from '../../src/config.ts'
import { publicPaths } from '../../src/http/auth.ts'
import { type Serving, serve } from '../../src/http/serve.ts'
import { uuidv7 } from '../../src/lib/ids.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { emptyState } from '../support/database.ts'

const hostSecret = 'sk-host-secret-0123456789abcdef'
const adminKey = 'weir-admin-secret-0123456789abcdef'
const stateDir = mkdtempSync(join(tmpdir(), 'weir-abuse-'))
const logged: string[] = []

/** A host that answers by echo, and tells its callers' keys to everybody when it is asked for trouble. */
const host = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    const text = await request.text()
    if (text.includes('trouble')) {
      const message = `Incorrect API key provided: ${request.headers.get('authorization')}`
      return Response.json({ error: { message, type: 'invalid_request_error', code: 'invalid_api_key' } }, { status: 401 })
    }
    return Response.json({
      id: '1',
      object: 'chat.completion',
      created: 1,
      model: 'mock',
      choices: [{ index: 0, message: { role: 'assistant', content: uuidv7() }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    })
  },
})

let weir: Weir
let server: Serving
const keys = { acme: '', other: '' }

beforeAll(async () => {
  await emptyState(stateDir)
  const config = parseConfig(
    `
providers:
  host: { kind: openai-compatible, base_url: "${host.url}v1", api_key: ${hostSecret} }
models:
  mock: { kind: llm, provider: host, model: mock }
defaults: { cache: { ttl_s: 60 } }
`,
    'weir.yaml',
    {},
  )
  // Bound to every address, as far as it knows: nobody comes in without a key.
  const environment = readEnvironment({ WEIR_STATE_DIR: stateDir, WEIR_ADMIN_KEY: adminKey, HOST: '0.0.0.0' })
  const log = createLogger('trace', { write: (line) => logged.push(line) })
  weir = await openWeir({ environment, config, log, serving: true })
  server = serve({ app: weir.app, inFlight: weir.inFlight, hostname: '127.0.0.1', port: 0, graceMs: 100 })
  for (const tenant of ['acme', 'other'] as const) {
    const response = await call('POST', '/admin/keys', adminKey, { name: tenant, tenant })
    keys[tenant] = ((await response.json()) as { secret: string }).secret
  }
})
afterAll(async () => {
  await server.close()
  await weir.close()
  await host.stop(true)
  rmSync(stateDir, { recursive: true, force: true })
})

const call = (method: string, path: string, secret?: string, body?: unknown) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }) },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  })
const chat = (changes: object = {}) => ({ model: 'mock', temperature: 0, messages: [{ role: 'user', content: 'hello' }], ...changes })

/** Every route of the table, with a guessed id for each parameter. */
const routes = () => {
  const handlers = weir.app.routes.filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
  return [...new Set(handlers.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+(\{[^}]*\})?/g, uuidv7())}`))].map(
    (route) => route.split(' ') as [method: string, path: string],
  )
}

describe('every route of the table', () => {
  test('but the public ones answers 401 without a key or with a wrong one', async () => {
    const open: string[] = []
    for (const [method, path] of routes()) {
      if (publicPaths.has(path)) continue
      const body = method === 'GET' ? undefined : {}
      const statuses = [(await call(method, path, undefined, body)).status, (await call(method, path, 'weir-wrong', body)).status]
      if (statuses.some((status) => status !== 401)) open.push(`${method} ${path}: ${statuses}`)
    }
    expect(open).toEqual([])
    expect(routes().length).toBeGreaterThan(15)
  })

  test('and every other method on it too, as does a preflight from an origin that no key allows', async () => {
    const open: string[] = []
    const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    for (const path of new Set(routes().map(([, path]) => path))) {
      if (publicPaths.has(path)) continue
      for (const method of ['HEAD', 'OPTIONS', 'PATCH', 'PROPFIND']) {
        const { status } = await fetch(`${server.url}${path}`, { method, headers: method === 'OPTIONS' ? preflight : {} })
        if (status !== 401) open.push(`${method} ${path}: ${status}`)
      }
    }
    expect(open).toEqual([])
  })

  test('of administration answers 403 to a key for inference', async () => {
    const open: string[] = []
    for (const [method, path] of routes().filter(([, path]) => path.startsWith('/admin') || path === '/metrics')) {
      const { status } = await call(method, path, keys.acme, method === 'GET' ? undefined : {})
      if (status !== 403) open.push(`${method} ${path}: ${status}`)
    }
    expect(open).toEqual([])
  })

  test('finds nothing under a guessed id, and never breaks', async () => {
    const wrong: string[] = []
    for (const [method, path] of routes().filter(([method, path]) => method === 'GET' && /[0-9a-f]{8}-/.test(path))) {
      const { status } = await call(method, path, path.startsWith('/v1') ? keys.acme : adminKey)
      if (status !== 404 && status !== 400) wrong.push(`${method} ${path}: ${status}`)
    }
    expect(wrong).toEqual([])
  })
})

test("one tenant never gets another's cached answer", async () => {
  const ask = async (secret: string) => {
    const response = await call('POST', '/v1/chat/completions', secret, chat())
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] }
    return { cache: response.headers.get('x-weir-cache'), said: choices[0]!.message.content }
  }
  const [mine, mineAgain, theirs] = [await ask(keys.acme), await ask(keys.acme), await ask(keys.other)]
  expect([mine.cache, mineAgain.cache, theirs.cache]).toEqual(['miss', 'hit', 'miss'])
  expect(mineAgain.said).toBe(mine.said)
  expect(theirs.said).not.toBe(mine.said)
})

describe('bodies', () => {
  test.each([
    ['a million brackets', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
    [
      'a deep schema',
      JSON.stringify(chat({ tools: [] })).replace(
        '[]',
        `[{"type":"function","function":{"name":"f","parameters":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}}]`,
      ),
    ],
    ['__proto__', `{"__proto__":{"polluted":true},${JSON.stringify(chat()).slice(1)}`],
    ['constructor', JSON.stringify({ ...chat(), constructor: { prototype: { polluted: true } } })],
    ['__proto__ in weir', JSON.stringify(chat({ weir: {} })).replace('"weir":{}', '"weir":{"__proto__":{"variant":"x"}}')],
    ['numbers out of range', JSON.stringify(chat()).replace('"temperature":0', '"temperature":1e999')],
    ['a number for text', JSON.stringify(chat({ messages: [{ role: 'user', content: 7 }] }))],
  ])('%s: 400', async (_, body) => {
    const response = await call('POST', '/v1/chat/completions', keys.acme, body)
    expect(response.status).toBe(400)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('brackets inside text are text', async () => {
    const content = `${'[{'.repeat(500)} \\" ${'"'.repeat(10)}`
    expect((await call('POST', '/v1/chat/completions', keys.acme, chat({ messages: [{ role: 'user', content }] }))).status).toBe(200)
  })

  test('larger than the limit: 413', async () => {
    const content = 'x'.repeat(5 * 1024 * 1024)
    expect((await call('POST', '/v1/chat/completions', keys.acme, chat({ messages: [{ role: 'user', content }] }))).status).toBe(413)
  })
})

describe('raw requests', () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let received = ''
      const socket = connect({ host: '127.0.0.1', port: server.port })
      socket.setTimeout(1500, () => socket.destroy())
      socket.on('data', (data) => {
        received += data.toString('latin1')
      })
      socket.on('close', () => resolve(received))
      socket.on('error', reject)
      socket.write(text)
    })

  test('with two lengths are refused, and what hides in the body is not answered', async () => {
    const hidden = `GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminKey}\r\n\r\n`
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.acme}\r\nContent-Length: ${hidden.length + 5}\r\n`
    const answer = await raw(`${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`)
    expect(answer).not.toContain('gen_ai_server')
    expect(answer.startsWith('HTTP/1.1 200')).toBe(false)
  })

  test('with headers of 100 KiB are refused', async () => {
    const answer = await raw(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`)
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d|$)/)
  })

  test('that never end do not keep others waiting', async () => {
    const sockets = Array.from({ length: 500 }, () => {
      const socket = connect({ host: '127.0.0.1', port: server.port })
      socket.on('error', () => {})
      socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ')
      return socket
    })
    expect((await call('POST', '/v1/chat/completions', keys.acme, chat())).status).toBe(200)
    for (const socket of sockets) socket.destroy()
  })
})

test('names of tenants cannot be mistaken for others', async () => {
  for (const tenant of ['ACME', 'acme ', 'аcme', 'acme\u200b', '../acme', 'acme\u0000']) {
    const { status } = await call('POST', '/admin/keys', adminKey, { name: 'x', tenant })
    expect(status).toBe(400)
  }
})

test('names of keys cannot be mistaken for others', async () => {
  const create = async (name: string) => {
    const response = await call('POST', '/admin/keys', adminKey, { name })
    return [response.status, ((await response.json()) as { name?: string }).name]
  }
  for (const name of [
    'ad\u200bmin',
    '\u202eadmin',
    'ad\ufeffmin',
    'admіn',
    'αdmin',
    'a\u0000b',
    '\u2066x',
    '\u3164',
    ' ',
    'a\ufe0fb',
    '\ud83c',
  ]) {
    expect([name, (await create(name))[0]]).toEqual([name, 400])
  }
  expect(await create('ａｄｍｉｎ ')).toEqual([201, 'admin'])
  for (const name of ['Веб-сайт', 'café 東京', 'Ωμέγα app']) expect(await create(name)).toEqual([201, name])
})

test('a terminal is not sent what clients make up', () => {
  expect(table(['ROUTE'], [['\u001b[2J\u202eg\u200bpt\r\n']])).toBe('ROUTE\n�[2J�g�pt��')
})

test('secrets are in no answer, log, trace or metric', async () => {
  const shown: string[] = []
  for (const secret of [keys.acme, `${keys.acme}x`, hostSecret]) {
    const response = await call('POST', '/v1/chat/completions', secret, chat({ messages: [{ role: 'user', content: 'trouble' }] }))
    shown.push(await response.text(), JSON.stringify([...response.headers]))
  }
  for (const path of ['/metrics', '/admin/keys', '/admin/audit', '/admin/traces']) {
    shown.push(await (await call('GET', path, adminKey)).text())
  }
  await Bun.sleep(1200)
  const rows = await (await call('GET', '/admin/traces?limit=1000', adminKey)).json()
  for (const { id } of (rows as { data: { id: string }[] }).data)
    shown.push(await (await call('GET', `/admin/traces/${id}`, adminKey)).text())
  for (const secret of [hostSecret, adminKey, keys.acme, keys.other]) {
    expect(shown.filter((text) => text.includes(secret))).toEqual([])
    expect(logged.filter((line) => line.includes(secret))).toEqual([])
  }
  expect(logged.length).toBeGreaterThan(0)
})
