import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicPaths } from '../../src/http/auth.ts'
import { isSameOrigin } from '../../src/http/same-origin.ts'
import type { Principal } from '../../src/keys/principal.ts'
import { errorOf, type Gateway, hello, key, startGateway } from './gateway.ts'
import { echo } from './models.ts'

let gateway: Gateway
beforeAll(() => {
  gateway = startGateway({ models: [echo()] })
})
afterAll(() => gateway.close())

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${gateway.url}${path}`, { headers })

describe('without a key', () => {
  test('every route of the table but the public ones answers 401', async () => {
    const routes = gateway.app.routes.filter((route) => route.method !== 'ALL')
    expect(routes.length).toBeGreaterThan(6)
    const open: string[] = []
    for (const { method, path } of routes) {
      const response = await fetch(`${gateway.url}${path.replace(/:\w+(\{.+?\})?/g, 'x')}`, { method })
      if (response.status !== 401) open.push(path)
    }
    expect(new Set(open)).toEqual(publicPaths)
  })

  test('what does not exist answers 401 too, and so do other spellings of public paths', async () => {
    for (const path of [
      '/',
      '/v1/nothing',
      '/admin/keys',
      '/healthz/',
      '/healthz/x',
      '/HEALTHZ',
      '/healthz%2f..%2fmetrics',
      '/v1/models;healthz',
    ]) {
      expect([path, (await get(path)).status]).toEqual([path, 401])
    }
  })

  test('401 says how to authenticate, in OpenAI’s shape', async () => {
    const response = await get('/v1/models')
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(await errorOf(response)).toMatchObject({ type: 'authentication_error', code: 'invalid_api_key' })
  })
})

describe('with a key', () => {
  test('all three headers are read', async () => {
    const spellings = [{ authorization: `Bearer ${key}` }, { authorization: `bearer ${key}` }, { 'x-api-key': key }, { 'api-key': key }]
    for (const headers of spellings) expect((await get('/v1/models', headers as Record<string, string>)).status).toBe(200)
  })

  test('a wrong one is 401 wherever it stands', async () => {
    const spellings = [
      { authorization: 'Bearer wrong' },
      { authorization: `Basic ${key}` },
      { authorization: key },
      { authorization: '' },
      { 'x-api-key': 'wrong' },
    ]
    for (const headers of spellings) expect((await get('/v1/models', headers as Record<string, string>)).status).toBe(401)
    expect((await get('/v1/models', { authorization: 'Bearer wrong', 'x-api-key': key })).status).toBe(401)
  })

  test('a scope it lacks is 403', async () => {
    expect(await errorOf(await get('/metrics', { 'x-api-key': key }))).toMatchObject({ status: 403, type: 'permission_error' })
    expect((await get('/metrics', { 'x-api-key': 'admin' })).status).toBe(200)
  })

  test('browsers get no permission to read across origins', async () => {
    const response = await get('/v1/models', { 'x-api-key': key, origin: 'http://elsewhere.example' })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('while loopback needs no key', () => {
  const owner: Principal = { keyId: null, tenant: 'default', scopes: ['inference', 'admin'] }
  const open = () => startGateway({ models: [echo()], app: { keyless: (address) => (address === '127.0.0.1' ? owner : undefined) } })
  const call = (url: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(hello), headers })

  test('a program on this machine is served as the owner', async () => {
    await using server = open()
    expect((await call(server.url)).status).toBe(200)
    expect(server.traces[0]).toMatchObject({ keyId: null, tenant: 'default' })
  })

  test('a page of another site is not, however it calls', async () => {
    await using server = open()
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:3000' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { host: 'evil.example' },
      { host: `127.0.0.1.evil.example:${server.port}` },
    ]) {
      expect([headers, (await call(server.url, headers as Record<string, string>)).status]).toEqual([headers, 403])
    }
    expect(server.traces).toEqual([])
  })

  test('a wrong key is still wrong', async () => {
    await using server = open()
    expect((await call(server.url, { authorization: 'Bearer weir-wrong' })).status).toBe(401)
  })

  test('the placeholder that an SDK needs stands for no key', async () => {
    await using server = open()
    expect((await call(server.url, { authorization: 'Bearer unused' })).status).toBe(200)
    expect((await call(server.url, { authorization: 'Bearer unused', origin: 'https://evil.example' })).status).toBe(403)
  })

  test('only names of this machine, and pages it served itself, count as here', () => {
    const here = (headers: Record<string, string>) => isSameOrigin(new Headers(headers))
    expect(here({ host: 'localhost:8484' })).toBe(true)
    expect(here({ host: '[::1]:8484' })).toBe(true)
    expect(here({ host: '127.0.0.1', origin: 'http://127.0.0.1' })).toBe(true)
    expect(here({ host: 'localhost:8484', origin: 'http://localhost:8484', 'sec-fetch-site': 'same-origin' })).toBe(true)
    expect(here({ host: 'localhost:8484', origin: 'http://127.0.0.1:8484' })).toBe(false)
    expect(here({ host: '0.0.0.0:8484' })).toBe(false)
    expect(here({})).toBe(false)
  })
})
