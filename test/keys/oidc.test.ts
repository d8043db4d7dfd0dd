import { createHmac } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createOidc, isToken, type OidcSettings } from '../../src/keys/oidc.ts'
import { errorOf, startGateway } from '../http/gateway.ts'
import { echo } from '../http/models.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'

const nowMs = Date.parse('2026-11-27T12:00:00Z')
const seconds = (after: number) => Math.floor(nowMs / 1000) + after

let provider: OidcIssuer
beforeAll(async () => {
  provider = await startOidcIssuer()
})
afterAll(() => provider.close())
beforeEach(() => provider.asked.splice(0))

const settings = (changes: Partial<OidcSettings> = {}): OidcSettings => ({
  issuer: provider.issuer,
  audience: ['weir'],
  tenantClaim: 'project',
  scopesClaim: 'scope',
  scopeNames: { inference: 'inference', admin: 'weir.admin' },
  ...changes,
})
const open = (changes: Partial<OidcSettings> = {}) =>
  createOidc({ settings: settings(changes), clock: () => nowMs, organisationOf: (tenant) => (tenant === 'acme' ? 'holding' : null) })

const token = (claims: { [name: string]: unknown } = {}, { kid = 'a' as 'a' | 'b', header = {} as object } = {}) =>
  new SignJWT({
    iss: provider.issuer,
    aud: 'weir',
    sub: 'ada',
    exp: seconds(300),
    iat: seconds(0),
    project: 'acme',
    scope: 'openid inference',
    ...claims,
  })
    .setProtectedHeader({ alg: kid === 'a' ? 'RS256' : 'ES256', kid, ...header })
    .sign(provider.pairs[kid].privateKey)

const base64url = (value: object | string) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const claims = () => base64url({ iss: provider.issuer, aud: 'weir', sub: 'ada', exp: seconds(300), project: 'acme', scope: 'weir.admin' })

describe('a token of the provider', () => {
  test('says who asks, for which tenant, and what they may', async () => {
    const oidc = open()
    const ada = { keyId: 'oidc:ada', tenant: 'acme', organisation: 'holding', scopes: ['inference'] }
    expect(await oidc.verify(await token())).toEqual(ada)
    expect(await oidc.verify(await token({ scope: ['inference', 'weir.admin'] }, { kid: 'b' }))).toEqual({
      ...ada,
      scopes: ['inference', 'admin'],
    })
    expect(await oidc.verify(await token({ project: 'other', scope: 'openid' }))).toMatchObject({ organisation: null, scopes: [] })
    expect(await open({ scopesClaim: undefined }).verify(await token({ scope: 'weir.admin' }))).toMatchObject({ scopes: ['inference'] })
  })

  test('is verified with keys that were found once', async () => {
    const oidc = open()
    for (let index = 0; index < 20; index += 1) await oidc.verify(await token())
    expect(provider.asked).toEqual(['/.well-known/openid-configuration', '/keys'])
  })
})

test('a token that was verified ends when it says, and its organisation is the one of now', async () => {
  const now = { ms: nowMs, organisation: 'first' as string | null }
  const oidc = createOidc({ settings: settings(), clock: () => now.ms, organisationOf: () => now.organisation })
  const held = await token({ exp: seconds(300) })
  expect(await oidc.verify(held)).toMatchObject({ organisation: 'first' })
  now.organisation = null
  now.ms += 303_000
  expect(await oidc.verify(held)).toMatchObject({ organisation: null })
  now.ms += 3_000
  await expect(oidc.verify(held)).rejects.toMatchObject({ message: 'the token has expired' })
  const brief = await token({ exp: seconds(310) })
  await oidc.verify(brief)
  now.ms += 10_000
  await expect(oidc.verify(brief)).rejects.toMatchObject({ message: 'the token has expired' })
})

describe('what is refused', () => {
  const cases: [string, () => Promise<string>, string][] = [
    ['expired', () => token({ exp: seconds(-6) }), 'the token has expired'],
    ['without an end', () => token({ exp: undefined }), 'the token has the wrong exp'],
    ['not valid yet', () => token({ nbf: seconds(60) }), 'the token has the wrong nbf'],
    ['for another service', () => token({ aud: 'payroll' }), 'the token has the wrong aud'],
    ['of another issuer', () => token({ iss: 'https://evil.example' }), 'the token has the wrong iss'],
    ['without a subject', () => token({ sub: undefined }), 'the token has the wrong sub'],
    ['with a subject that is no text for a log', () => token({ sub: 'ada\u202e\n' }), 'the token has no usable subject'],
    ['without a tenant', () => token({ project: undefined }), 'the token has no project in the claim project'],
    ['with a tenant that looks like another', () => token({ project: 'аcme' }), 'the token has no project in the claim project'],
    ['with a list for a tenant', () => token({ project: ['acme'] }), 'the token has no project in the claim project'],
    ['changed', async () => (await token()).replace(/\.([^.]+)\./, `.${claims()}.`), 'the token is not valid'],
    ['not signed', async () => `${base64url({ alg: 'none' })}.${claims()}.AA`, 'the token is not valid'],
    [
      'signed with the public key as if it were a shared secret',
      async () => {
        const head = `${base64url({ alg: 'HS256', kid: 'a' })}.${claims()}`
        const secret = await exportSPKI(provider.pairs.a.publicKey)
        return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`
      },
      'the token is not valid',
    ],
    ['with the algorithm of another key', () => token({}, { kid: 'b', header: { kid: 'a' } }), 'the token is signed with a key that'],
    [
      'with a critical extension that nobody knows',
      async () => `${base64url({ alg: 'RS256', kid: 'a', crit: ['x'], x: 1 })}.${claims()}.AA`,
      'the token is not valid',
    ],
    [
      'signed with a key that it brings along',
      async () => {
        const own = await generateKeyPair('RS256', { extractable: true })
        const jwk = await exportJWK(own.publicKey)
        return new SignJWT({ iss: provider.issuer, aud: 'weir', sub: 'ada', exp: seconds(300), project: 'acme' })
          .setProtectedHeader({ alg: 'RS256', kid: 'mine', jwk })
          .sign(own.privateKey)
      },
      'the token is signed with a key that its issuer does not publish',
    ],
  ]
  test.each(cases)('%s', async (_, make, message) => {
    const error = await open()
      .verify(await make())
      .catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'invalid_api_key' })
    expect(error.message).toContain(message)
  })

  test('unknown keys do not make the provider be asked again and again', async () => {
    const oidc = open()
    await oidc.verify(await token())
    for (let index = 0; index < 20; index += 1) {
      await oidc.verify(await token({}, { header: { kid: `made-up-${index}` } })).catch(() => {})
    }
    expect(provider.asked.filter((path) => path === '/keys').length).toBeLessThanOrEqual(2)
  })

  test('until the provider publishes them', async () => {
    const oidc = createOidc({ settings: settings(), clock: () => nowMs, organisationOf: () => null, againMs: 50 })
    await oidc.verify(await token())
    const next = await generateKeyPair('ES256', { extractable: true })
    const signed = await new SignJWT({ iss: provider.issuer, aud: 'weir', sub: 'ada', exp: seconds(300), project: 'acme' })
      .setProtectedHeader({ alg: 'ES256', kid: 'next' })
      .sign(next.privateKey)
    await expect(oidc.verify(signed)).rejects.toMatchObject({ code: 'invalid_api_key' })
    provider.publish({ ...(await exportJWK(next.publicKey)), kid: 'next', alg: 'ES256' })
    await Bun.sleep(60)
    expect(await oidc.verify(signed)).toMatchObject({ keyId: 'oidc:ada' })
  })

  test('a provider that is away is 503, and is asked again', async () => {
    const oidc = open()
    provider.up(false)
    await expect(oidc.verify(await token())).rejects.toMatchObject({ code: 'unavailable' })
    provider.up(true)
    expect(await oidc.verify(await token())).toMatchObject({ tenant: 'acme' })
  })

  test('a provider whose discovery names another issuer is not believed', async () => {
    const oidc = open({ issuer: provider.issuer.replace('127.0.0.1', 'localhost') })
    await expect(oidc.verify(await token())).rejects.toMatchObject({ code: 'unavailable' })
  })
})

test('over HTTP a token is a bearer like a key, and what is wrong with it is told', async () => {
  const oidc = open()
  await using gateway = startGateway({
    models: [echo()],
    app: { authenticate: (secret) => (isToken(secret) ? oidc.verify(secret) : undefined) },
  })
  const models = (bearer: string, path = '/v1/models') => fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${bearer}` } })
  expect((await models(await token())).status).toBe(200)
  expect((await models(await token(), '/metrics')).status).toBe(403)
  expect(await errorOf(await models(await token({ exp: seconds(-60) })))).toMatchObject({
    status: 401,
    code: 'invalid_api_key',
    message: 'the token has expired',
  })
})

test('our own secrets are never taken for tokens', () => {
  expect(isToken('weir-abc.def.ghi')).toBe(false)
  expect(isToken('eyJhbGciOiJub25lIn0.e30.')).toBe(false)
})
