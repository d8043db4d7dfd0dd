import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openWeir, type Weir } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { readEnvironment } from '../../src/config.ts'
import { type Serving, serve } from '../../src/http/serve.ts'
import { uuidv7 } from '../../src/lib/ids.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { bagOfWordsResponse } from '../support/bag-of-words.ts'
import { emptyState } from '../support/database.ts'

const adminKey = 'weir-admin-secret-0123456789abcdef'
const stateDir = mkdtempSync(join(tmpdir(), 'weir-tenants-'))
const secretText = 'the vault opens at seven'

const host = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    const body = (await request.json()) as { input?: string[] }
    if (body.input) return bagOfWordsResponse(body.input)
    const choices = [{ index: 0, message: { role: 'assistant', content: secretText }, finish_reason: 'stop' }]
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
    return Response.json({ id: '1', object: 'chat.completion', created: 1, model: 'mock', choices, usage })
  },
})

let weir: Weir
let server: Serving
const secrets = { acme: '', other: '' }
/** What acme has: a file, a vector store that holds it, and an answer. */
const acme = { file: '', store: '', inference: '' }

beforeAll(async () => {
  await emptyState(stateDir)
  const config = parseConfig(
    `
providers: { host: { kind: openai-compatible, base_url: "${host.url}v1" } }
models:
  mock: { kind: llm, provider: host, model: mock }
  bag: { kind: embedding, provider: host, model: bag, dimensions: 256 }
collections: { handbook: { embedding: bag, index: exact } }
metrics: { helpful: { type: boolean } }
`,
    'weir.yaml',
    {},
  )
  const environment = readEnvironment({ WEIR_STATE_DIR: stateDir, WEIR_ADMIN_KEY: adminKey, HOST: '0.0.0.0' })
  weir = await openWeir({ environment, config, log: createLogger('silent'), serving: true })
  server = serve({ app: weir.app, inFlight: weir.inFlight, hostname: '127.0.0.1', port: 0, graceMs: 100 })
  for (const tenant of ['acme', 'other'] as const) {
    const response = await send('POST', '/admin/keys', adminKey, { name: tenant, tenant })
    secrets[tenant] = ((await response.json()) as { secret: string }).secret
  }
  const form = new FormData()
  form.set('file', new File([secretText], 'vault.txt'))
  form.set('purpose', 'assistants')
  acme.file = await idOf(await upload(secrets.acme, form))
  acme.store = await idOf(await send('POST', '/v1/vector_stores', secrets.acme, { name: 'vault', file_ids: [acme.file] }))
  const answer = await send('POST', '/v1/chat/completions', secrets.acme, { model: 'mock', messages: [{ role: 'user', content: 'when?' }] })
  acme.inference = answer.headers.get('x-request-id') ?? ''
  await answer.text()
  await vi.waitFor(async () => expect(await found(secrets.acme)).toContain('vault'), 10_000)
}, 60_000)
afterAll(async () => {
  await server.close()
  await weir.close()
  await host.stop(true)
  rmSync(stateDir, { recursive: true, force: true })
})

const send = async (method: string, path: string, secret: string, body?: unknown) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
const upload = (secret: string, form: FormData) =>
  fetch(`${server.url}/v1/files`, { method: 'POST', headers: { authorization: `Bearer ${secret}` }, body: form })
const idOf = async (response: Response): Promise<string> => {
  const body = (await response.json()) as { id?: string }
  if (body.id === undefined) throw new Error(JSON.stringify(body))
  return body.id
}
const found = async (secret: string) =>
  (await send('POST', `/v1/vector_stores/${acme.store}/search`, secret, { query: 'when does the vault open' })).text()

/** Every `/v1` route that names a thing by its id, with the ids of what acme has. */
const routesByOwnIds = () => {
  const named = weir.app.routes.filter(({ method, path }) => method !== 'ALL' && /^\/v1\/(files|vector_stores)\/.*:/.test(path))
  const ids = (path: string) =>
    path
      .replace('/v1/files/:id', `/v1/files/${acme.file}`)
      .replace('/v1/vector_stores/:id', `/v1/vector_stores/${acme.store}`)
      .replaceAll(/:\w+(\{[^}]*\})?/g, acme.file)
  return [...new Set(named.map(({ method, path }) => `${method} ${ids(path)}`))].map((route) => route.split(' ') as [string, string])
}

test('the ids are those of things that are there', async () => {
  expect(acme).toEqual({
    file: expect.stringMatching(/\S{10}/),
    store: expect.stringMatching(/\S{10}/),
    inference: expect.stringMatching(/\S{10}/),
  })
  const statuses = []
  for (const [method, path] of routesByOwnIds())
    if (method === 'GET') statuses.push(`${(await send(method, path, secrets.acme)).status} ${path}`)
  expect(statuses.filter((line) => !line.startsWith('200') && !line.includes('batches'))).toEqual([])
  expect(routesByOwnIds().length).toBeGreaterThan(10)
})

test('whoever guesses the ids of another tenant’s files and vector stores finds nothing, changes nothing', async () => {
  const wrong: string[] = []
  for (const [method, path] of routesByOwnIds()) {
    const body =
      method === 'GET' || method === 'DELETE' ? undefined : { query: 'vault', file_id: acme.file, file_ids: [acme.file], attributes: {} }
    const response = await send(method, path, secrets.other, body)
    const text = await response.text()
    // A body that does not fit the route is told so, whoever asks.
    if (![404, 400].includes(response.status) || text.includes('vault')) wrong.push(`${method} ${path}: ${response.status} ${text}`)
  }
  expect(wrong).toEqual([])
  expect(await found(secrets.other)).not.toContain('vault')
  expect((await send('POST', `/v1/vector_stores/${acme.store}/search`, secrets.other, { query: 'vault' })).status).toBe(404)
  const store = await idOf(await send('POST', '/v1/vector_stores', secrets.other, { name: 'mine' }))
  expect((await send('POST', `/v1/vector_stores/${store}/files`, secrets.other, { file_id: acme.file })).status).toBe(404)
  expect(await found(secrets.acme)).toContain(secretText)
})

test('lists show what is one’s own', async () => {
  for (const path of ['/v1/files', '/v1/vector_stores']) {
    expect(await (await send('GET', path, secrets.acme)).text()).toContain('vault')
    expect(await (await send('GET', path, secrets.other)).text()).not.toContain('vault')
  }
})

test('feedback on another tenant’s answer is as feedback on one that is not there', async () => {
  const say = async (secret: string, inference: string) =>
    (await send('POST', '/v1/feedback', secret, { inference_id: inference, metric: 'helpful', value: false })).json()
  const known = async () => (await (await send('GET', `/admin/traces/${acme.inference}`, adminKey)).json()) as { id?: string }
  await expect.poll(async () => (await known()).id).toBe(acme.inference)
  const blank = (answer: object) => JSON.stringify(answer).replaceAll(/[0-9a-f-]{36}/g, 'id')
  const [theirs, nobodys, own] = [
    blank((await say(secrets.other, acme.inference)) as object),
    blank((await say(secrets.other, uuidv7())) as object),
    blank((await say(secrets.acme, acme.inference)) as object),
  ]
  expect(theirs).toBe(nobodys)
  expect(own).not.toBe(theirs)
})

test('traces, prompts, experiments and everything else of the operator answer 403 alike, whether the id exists or not', async () => {
  const guessed = '01a00000-0000-7000-8000-000000000000'
  for (const path of ['traces', 'prompts', 'experiments', 'keys', 'rollouts', 'routes', 'datasets', 'feedback']) {
    for (const id of [acme.inference, guessed]) {
      const response = await send('GET', `/admin/${path}/${id}`, secrets.other)
      expect([path, response.status, ((await response.json()) as { error: { message: string } }).error.message]).toEqual([
        path,
        403,
        "this API key lacks the scope 'admin'",
      ])
    }
  }
})
