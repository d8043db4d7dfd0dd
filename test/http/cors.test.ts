import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorOf, type Gateway, hello, key, startGateway } from './gateway.ts'
import { echo } from './models.ts'

const app = 'https://app.example'
const shop = 'https://shop.example'
let gateway: Gateway
beforeAll(() => {
  // The key of the tests is for pages of one site; another key, of another.
  gateway = startGateway({
    models: [echo()],
    principal: { allowedOrigins: [app] },
    app: { knowsOrigin: (origin) => [app, shop].includes(origin) },
  })
})
afterAll(() => gateway.close())

const preflight = (origin: string, path = '/v1/chat/completions', asked = 'authorization,content-type,x-stainless-os') =>
  fetch(`${gateway.url}${path}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': asked },
  })
const post = (headers: Record<string, string>, body: object = hello) => gateway.post('/v1/chat/completions', body, headers)
const allowed = (response: Response) => response.headers.get('access-control-allow-origin')

test('a preflight, which brings no key, is answered for origins that some key allows', async () => {
  for (const origin of [app, shop]) {
    const response = await preflight(origin)
    expect([response.status, allowed(response)]).toEqual([204, origin])
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization,content-type,x-stainless-os')
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
  }
  for (const origin of ['https://evil.example', 'null', 'https://app.example.evil.example', 'http://app.example', `${app}:8443`]) {
    const response = await preflight(origin)
    expect([origin, response.status, allowed(response)]).toEqual([origin, 401, null])
  }
})

test('no page may administer', async () => {
  for (const path of ['/admin/keys', '/metrics', '/healthz/../admin/keys']) expect(allowed(await preflight(app, path))).toBeNull()
})

test('headers that are no list of names are not echoed', async () => {
  const response = await preflight(app, '/v1/models', 'a, <b>')
  expect(response.headers.get('access-control-allow-headers')).toBe('authorization, content-type')
})

test('the request that follows is checked against its own key', async () => {
  const own = await post({ origin: app })
  expect([own.status, allowed(own), own.headers.get('vary')]).toEqual([200, app, 'origin'])
  expect(own.headers.get('access-control-expose-headers')).toContain('x-request-id')
  const streamed = await post({ origin: app }, { ...hello, stream: true })
  expect([allowed(streamed), await streamed.text()]).toEqual([app, expect.stringContaining('[DONE]')])
  for (const origin of [shop, 'https://evil.example', 'null']) {
    const response = await post({ origin })
    expect([origin, response.status, allowed(response)]).toEqual([origin, 403, null])
  }
})

test('programs, which send no origin, use the key as before', async () => {
  const response = await post({})
  expect([response.status, allowed(response)]).toEqual([200, null])
})

test('a page may read why it was refused', async () => {
  const response = await post({ origin: app, authorization: 'Bearer weir-wrong' })
  expect(allowed(response)).toBe(app)
  expect(await errorOf(response)).toMatchObject({ status: 401 })
  const unknown = await post({ origin: app }, { ...hello, model: 'nothing' })
  expect([unknown.status, allowed(unknown)]).toEqual([404, app])
})

test('a key without origins is let to no page', async () => {
  await using server = startGateway({ models: [echo()], app: { knowsOrigin: (origin) => origin === app } })
  const response = await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${key}`, origin: app } })
  expect(allowed(response)).toBeNull()
})
