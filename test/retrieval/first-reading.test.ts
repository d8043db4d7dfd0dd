import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWeir, type Weir } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { readEnvironment } from '../../src/config.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { bagOfWordsResponse } from '../support/bag-of-words.ts'
import { emptyState } from '../support/database.ts'

const adminKey = 'weir-admin-secret-0123456789abcdef'
const stateDir = mkdtempSync(join(tmpdir(), 'weir-first-reading-'))
const documents = join(stateDir, 'documents')
const opened = Promise.withResolvers<void>()

/** A host of an embedding model that answers for documents only once the gate is open. */
const host = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    const { input } = (await request.json()) as { input: string[] }
    if (input.some((text) => text.includes('twelve planks'))) await opened.promise
    return bagOfWordsResponse(input)
  },
})

let weir: Weir
beforeAll(async () => {
  await emptyState(stateDir)
  mkdirSync(documents)
  writeFileSync(join(documents, 'weir.md'), '# The old weir\n\nThe old weir was built of twelve planks.\n')
  const config = parseConfig(
    `
providers:
  host: { kind: openai-compatible, base_url: "${host.url}v1" }
models:
  mock: { kind: llm, provider: host, model: mock }
  bag: { kind: embedding, provider: host, model: bag, dimensions: 256 }
collections:
  docs: { embedding: bag, index: exact, sources: ["${documents}"] }
routes:
  assistant:
    variants: [{ name: only, model: mock, retrieval: { collection: docs, top_k: 3, token_budget: 400, answer: quote } }]
`,
    'weir.yaml',
    {},
  )
  const environment = readEnvironment({ WEIR_STATE_DIR: stateDir, WEIR_ADMIN_KEY: adminKey, HOST: '0.0.0.0' })
  weir = await openWeir({ environment, config, log: createLogger('silent'), serving: true })
})
afterAll(async () => {
  opened.resolve()
  await weir.close()
  await host.stop(true)
  rmSync(stateDir, { recursive: true, force: true })
})

const ask = (content: string) =>
  weir.app.request('/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content }] }),
  })

test('a route does not say that it found nothing while its documents are read for the first time', async () => {
  const early = await ask('How many planks was the old weir built of?')
  expect(early.status).toBe(503)
  expect(early.headers.get('retry-after')).toBe('1')
  expect(await early.json()).toMatchObject({ error: { code: 'unavailable', message: expect.stringContaining("collection 'docs'") } })
  opened.resolve()
  const answered = async () => {
    const response = await ask('How many planks was the old weir built of?')
    return { status: response.status, body: await response.text() }
  }
  await expect.poll(answered, { timeout: 10_000 }).toMatchObject({ status: 200, body: expect.stringContaining('twelve planks. [1]') })
  expect(await (await ask('Who painted the Mona Lisa?')).text()).toContain('I found nothing about this')
})
