import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, expect, test } from 'vitest'
import { emptyState } from '../support/database.ts'
import { startMockOpenAI } from '../support/mock-openai.ts'
import { createWorkplace } from '../support/server-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-secrets-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Every secret that a server may be given, in one configuration in which everything that can fail does. */
const secrets = {
  admin: 'weir-admin-secret-0123456789abcdef',
  provider: 'sk-provider-secret-0123456789',
  header: 'header-secret-0123456789',
  redis: 'redis-secret-0123456789',
  webhook: 'webhook-secret-0123456789',
  host: 'host-password-0123456789',
  postgres: 'postgres-secret-0123456789',
  hub: 'hf_hubsecret0123456789',
}

const filesUnder = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  )

test('no secret of a server whose neighbours all fail is in its log, its banner, its answers, its metrics, its traces or its spool', async () => {
  const upstream = startMockOpenAI({ tokens: 3, tokenMs: 0 })
  const place = createWorkplace(folder, {
    defaults: { retry: { attempts: 1 } },
    cache: { store: 'redis', url: `redis://:${secrets.redis}@127.0.0.1:1` },
    auth: { oidc: { issuer: 'http://127.0.0.1:1', audience: 'weir', tenant_claim: 'project' } },
    providers: {
      good: { kind: 'openai-compatible', base_url: upstream.url, api_key: secrets.provider, headers: { 'x-team': secrets.header } },
      away: { kind: 'openai-compatible', base_url: `http://user:${secrets.host}@127.0.0.1:1/v1`, api_key: secrets.provider },
    },
    models: {
      good: { kind: 'llm', provider: 'good', model: 'm', price: { input_per_million_usd: 1, output_per_million_usd: 1 } },
      away: { kind: 'llm', provider: 'away', model: 'm', price: { input_per_million_usd: 1, output_per_million_usd: 1 } },
    },
    routes: { chat: { variants: [{ name: 'only', model: 'away', fallback: ['good'] }], cache: { ttl_s: 60, requests: 'all' } } },
    budgets: [{ per: 'tenant', period: 'day', usd: 1, warn_percent: 0.000001, webhook: `http://127.0.0.1:1/hooks/${secrets.webhook}` }],
  })
  await emptyState(join(folder, 'state'))
  const server = await place.start({ WEIR_ADMIN_KEY: secrets.admin, HF_TOKEN: secrets.hub, HOST: '0.0.0.0', WEIR_LOG_LEVEL: 'trace' })
  const base = server.url.replace('0.0.0.0', '127.0.0.1')
  const shown: string[] = []
  const call = async (method: string, path: string, secret: string, body?: unknown) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.text()
    shown.push(text, JSON.stringify([...response.headers]))
    return { status: response.status, text }
  }
  const known: Record<string, string> = { ...secrets }
  try {
    const created = JSON.parse((await call('POST', '/admin/keys', secrets.admin, { name: 'app' })).text) as { id: string; secret: string }
    const rotated = JSON.parse((await call('POST', `/admin/keys/${created.id}/rotate`, secrets.admin, { reason: 'yearly' })).text)
    shown.splice(0)
    const { privateKey } = await generateKeyPair('RS256')
    const token = await new SignJWT({ project: 'acme' })
      .setProtectedHeader({ alg: 'RS256', kid: 'a' })
      .setSubject('ada')
      .setExpirationTime('5m')
      .sign(privateKey)
    Object.assign(known, { old: created.secret, rotated: rotated.secret, token })
    const question = { model: 'chat', messages: [{ role: 'user', content: 'hello' }] }
    for (const secret of [created.secret, rotated.secret, token, `${created.secret}x`]) {
      await call('POST', '/v1/chat/completions', secret, question)
      await call('POST', '/v1/chat/completions', secret, { ...question, stream: true })
      await call('POST', '/v1/chat/completions', secret, { ...question, model: 'away' })
      await call('POST', `/v1/nothing?key=${'x'.repeat(10)}`, secret, question)
    }
    // The webhook is tried three times.
    await expect.poll(() => server.log(), { timeout: 15_000 }).toContain('a budget warning was not sent')
    for (const path of [
      '/metrics',
      '/admin/keys',
      '/admin/audit',
      '/admin/routes',
      '/admin/cost?by=tenant',
      '/admin/cache',
      '/readyz',
      '/v1/models',
    ]) {
      expect([path, (await call('GET', path, secrets.admin)).status]).toEqual([path, 200])
    }
    await expect
      .poll(async () => JSON.parse((await call('GET', '/admin/traces?limit=1000', secrets.admin)).text).data.length)
      .toBeGreaterThan(3)
    for (const { id } of JSON.parse((await call('GET', '/admin/traces?limit=1000', secrets.admin)).text).data)
      await call('GET', `/admin/traces/${id}`, secrets.admin)
  } finally {
    server.signal('SIGTERM')
    await server.exited
    await upstream.close()
  }
  expect(server.log()).toContain('the shared cache is away')
  const spooled = filesUnder(join(folder, 'state')).filter((path) => !path.includes('/pg/'))
  const places: [string, string][] = [
    ['log', server.log()],
    ['banner', server.banner],
    ...shown.map((text): [string, string] => ['answer', text]),
    ...spooled.map((path): [string, string] => [path, readFileSync(path, 'latin1')]),
  ]
  const leaks = Object.entries(known).flatMap(([name, secret]) =>
    places.flatMap(([where, text]) => (text.includes(secret) ? [`${name} in ${where}: ${around(text, secret)}`] : [])),
  )
  expect(leaks).toEqual([])
}, 60_000)

const around = (text: string, secret: string) => text.slice(Math.max(0, text.indexOf(secret) - 80), text.indexOf(secret) + 20)

test('a database that is not there is told without its password', async () => {
  const place = createWorkplace(join(folder, 'no-database'), { models: {} })
  const { code, out, notes } = await place.run(['up', '--port', '0'], {
    DATABASE_URL: `postgres://weir:${secrets.postgres}@127.0.0.1:1/weir`,
  })
  expect(code).not.toBe(0)
  expect(out + notes).not.toContain(secrets.postgres)
}, 60_000)

test('a configuration that is wrong is told without the values of its variables', async () => {
  const place = createWorkplace(join(folder, 'bad-config'), {
    providers: { host: { kind: 'openai-compatible', base_url: '${BASE}', api_key: '${KEY}' } },
    cache: { store: 'redis', url: '${REDIS_URL}' },
  })
  const { code, out, notes } = await place.run(['config', 'check'], {
    BASE: secrets.host,
    KEY: secrets.provider,
    REDIS_URL: `http://:${secrets.redis}@x`,
  })
  expect(code).not.toBe(0)
  for (const secret of [secrets.host, secrets.provider, secrets.redis]) expect(out + notes).not.toContain(secret)
})
