import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { type Replica, type Replicas, startReplicas } from '../support/replicas.ts'

const postgres = process.env.TEST_DATABASE_URL

/** Milliseconds until a replica answers so. */
const msUntil = async (replica: Replica, secret: string, status: number, startedMs = performance.now()): Promise<number> => {
  while (performance.now() - startedMs < 5_000) {
    const response = await replica.call('GET', '/v1/models', undefined, secret)
    await response.body?.cancel()
    if (response.status === status) return performance.now() - startedMs
    await Bun.sleep(2)
  }
  return Number.POSITIVE_INFINITY
}

describe.skipIf(!postgres)('two server processes over one Postgres', () => {
  let replicas: Replicas
  let issuer: OidcIssuer
  beforeAll(async () => {
    issuer = await startOidcIssuer()
    replicas = await startReplicas(postgres as string, {
      auth: { oidc: { issuer: issuer.issuer, audience: 'weir', tenant_claim: 'project', scopes_claim: 'scope' } },
      providers: { host: { kind: 'openai-compatible', base_url: 'http://127.0.0.1:9/v1' } },
      models: { hosted: { kind: 'llm', provider: 'host', model: 'x' } },
    })
  }, 60_000)
  afterAll(async () => {
    await replicas?.[Symbol.asyncDispose]()
    issuer.close()
  })

  const create = async (on: Replica) =>
    (await (await on.call('POST', '/admin/keys', { name: 'app', tenant: 'acme' })).json()) as { id: string; secret: string }

  test('a key that is revoked or rotated at one stops at the other in less than a second', async () => {
    const [one, two] = replicas.servers
    const tookMs: number[] = []
    for (let index = 0; index < 5; index += 1) {
      const { id, secret } = await create(one)
      expect(await msUntil(two, secret, 200)).toBeLessThan(1_000)
      const action = index % 2 === 0 ? 'revoke' : 'rotate'
      const startedMs = performance.now()
      const changed = await one.call('POST', `/admin/keys/${id}/${action}`, {
        reason: 'leaked',
        ...(action === 'rotate' ? { grace_s: 0 } : {}),
      })
      expect(changed.status).toBe(200)
      expect((await one.call('GET', '/v1/models', undefined, secret)).status).toBe(401)
      tookMs.push(await msUntil(two, secret, 401, startedMs))
    }
    console.info(`revoked at the other replica after ${tookMs.map((ms) => ms.toFixed(0)).join(', ')} ms`)
    expect(Math.max(...tookMs)).toBeLessThan(1_000)
  }, 30_000)

  test('a rotated key works with both secrets at both until its grace period ends', async () => {
    const [one, two] = replicas.servers
    const old = await create(one)
    const rotated = await one.call('POST', `/admin/keys/${old.id}/rotate`, { reason: 'yearly', grace_s: 2 })
    const { secret } = (await rotated.json()) as { secret: string }
    expect(await msUntil(two, secret, 200)).toBeLessThan(1_000)
    expect(await msUntil(two, old.secret, 200)).toBeLessThan(100)
    for (const server of replicas.servers) expect(await msUntil(server, old.secret, 401)).toBeLessThan(5_000)
    expect(await msUntil(two, secret, 200)).toBeLessThan(100)
  }, 15_000)

  test('a key for web pages is let in from its origin at both, and a token of the provider too', async () => {
    const [one, two] = replicas.servers
    const origin = 'https://shop.example'
    const created = await one.call('POST', '/admin/keys', { name: 'shop', tenant: 'acme', allowed_origins: [origin] })
    const { secret } = (await created.json()) as { secret: string }
    expect(await msUntil(two, secret, 200)).toBeLessThan(1_000)
    const preflight = (from: string) =>
      fetch(`${two.url}/v1/models`, { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'GET' } })
    expect([(await preflight(origin)).status, (await preflight('https://evil.example')).status]).toEqual([204, 401])
    const from = async (page: string) => {
      const response = await two.call('GET', '/v1/models', undefined, secret, { origin: page })
      return [response.status, response.headers.get('access-control-allow-origin')]
    }
    expect([await from(origin), await from('https://evil.example')]).toEqual([
      [200, origin],
      [403, null],
    ])
    for (const wrong of ['*', 'https://shop.example/', 'shop.example', 'https://user@shop.example', 'null', 'file://x']) {
      expect([wrong, (await one.call('POST', '/admin/keys', { name: 'x', allowed_origins: [wrong] })).status]).toEqual([wrong, 400])
    }

    const token = (scope: string) =>
      new SignJWT({ iss: issuer.issuer, aud: 'weir', project: 'acme', scope })
        .setProtectedHeader({ alg: 'RS256', kid: 'a' })
        .setSubject('ada')
        .setExpirationTime('5m')
        .sign(issuer.pairs.a.privateKey)
    const statuses = async (path: string, scope: string) => {
      const bearer = await token(scope)
      return Promise.all(replicas.servers.map(async (server) => (await server.call('GET', path, undefined, bearer)).status))
    }
    expect(await statuses('/v1/models', 'inference')).toEqual([200, 200])
    expect(await statuses('/admin/keys', 'inference')).toEqual([403, 403])
    expect(await statuses('/admin/keys', 'inference admin')).toEqual([200, 200])
  })
})
