import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cacheCommands } from '../../src/cli/cache.ts'
import { openWeir, type Weir } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { readEnvironment } from '../../src/config.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { runCli } from '../support/admin-app.ts'
import { bagOfWordsResponse } from '../support/bag-of-words.ts'
import { emptyState } from '../support/database.ts'

const adminKey = 'weir-admin-secret-0123456789abcdef'
const stateDir = mkdtempSync(join(tmpdir(), 'weir-semantic-'))
let calls = 0

/** A host of a chat model that never says the same number twice, and of an embedding model. */
const host = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    const body = (await request.json()) as { input?: string[] }
    if (new URL(request.url).pathname.endsWith('/embeddings')) return bagOfWordsResponse(body.input ?? [])
    calls += 1
    const message = { role: 'assistant', content: `It takes ${calls} days.` }
    const choices = [{ index: 0, message, finish_reason: 'stop' }]
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
    return Response.json({ id: '1', object: 'chat.completion', created: 1, model: 'mock', choices, usage })
  },
})

let weir: Weir
beforeAll(async () => {
  await emptyState(stateDir)
  const semantic = '{ embedding: bag, min_similarity: 0.6, wait_ms: 1000, check_percent: 100, min_checks: 5, max_wrong_percent: 10 }'
  const config = parseConfig(
    `
providers:
  host: { kind: openai-compatible, base_url: "${host.url}v1" }
models:
  mock: { kind: llm, provider: host, model: mock }
  bag: { kind: embedding, provider: host, model: bag, dimensions: 256 }
routes:
  support:
    variants: [{ name: only, model: mock }]
    cache: { ttl_s: 60, requests: all, semantic: ${semantic} }
`,
    'weir.yaml',
    {},
  )
  const environment = readEnvironment({ WEIR_STATE_DIR: stateDir, WEIR_ADMIN_KEY: adminKey, HOST: '0.0.0.0' })
  weir = await openWeir({ environment, config, log: createLogger('silent'), serving: true })
})
afterAll(async () => {
  await weir.close()
  await host.stop(true)
  rmSync(stateDir, { recursive: true, force: true })
})

const send = (method: string, path: string, body?: object) =>
  weir.app.request(path, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
  })
const ask = async (content: string) => {
  const response = await send('POST', '/v1/chat/completions', { model: 'support', messages: [{ role: 'user', content }] })
  await response.text()
  await Bun.sleep(150)
  await stats()
  return [response.headers.get('x-weir-cache'), response.headers.has('x-weir-cache-similarity')]
}
const stats = async () => {
  const run = await runCli({ fetch: (request: Request) => weir.app.fetch(authorized(request)) } as never, cacheCommands, [
    'cache',
    'stats',
    '--json',
  ])
  return JSON.parse(run.out)
}
const authorized = (request: Request) => {
  request.headers.set('authorization', `Bearer ${adminKey}`)
  return request
}

test('a route’s semantic cache gives answers, checks them, tells of it, and switches itself off', async () => {
  expect(await ask('How long does the delivery take?')).toEqual(['miss', false])
  expect(await ask('please tell me how long the delivery takes')).toEqual(['hit', true])
  const [first] = await stats()
  expect(first).toMatchObject({ route: 'support', variant: 'only', semantic_hits: 1, checked: 1, wrong: 1, wrong_percent: 100 })
  // One of the first five is more than ten percent.
  expect(first.disabled_at).not.toBeNull()
  expect(await ask('how long might the delivery take')).toEqual(['miss', false])
  expect(await (await send('GET', '/metrics')).text()).toMatch(
    /weir_semantic_cache_hits 1\n[\s\S]*weir_semantic_cache_wrong 1\n[\s\S]*weir_semantic_cache_disabled 1\n/,
  )

  expect((await send('POST', '/admin/cache/drop', { route: 'support', reason: 'another try' })).status).toBe(200)
  expect(await ask('How long does the delivery take?')).toEqual(['miss', false])
  expect(await ask('please tell me how long the delivery takes')).toEqual(['hit', true])
})
