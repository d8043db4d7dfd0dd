import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tinyGguf } from '../support/local-models.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

describe('structured_outputs over HTTP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-choice-'))
  let said = 'yes'
  let body: { [key: string]: unknown } = {}
  const upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      body = (await request.json()) as typeof body
      return Response.json({
        ...{ id: 'x', object: 'chat.completion', created: 1, model: 'm' },
        choices: [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      })
    },
  })
  const { path, sha256 } = tinyGguf()
  const hosted = (provider: string, capabilities?: object) => ({
    kind: 'llm',
    provider,
    model: 'm',
    ...(capabilities ? { capabilities } : {}),
  })
  const providers = {
    vllm: { kind: 'openai-compatible', base_url: `${upstream.url.origin}/v1`, host: 'vllm' },
    other: { kind: 'openai-compatible', base_url: `${upstream.url.origin}/v1` },
  }
  const models = {
    tiny: { kind: 'llm', path, sha256, context_tokens: 512, threads: 1 },
    served: hosted('vllm'),
    free: hosted('other'),
    told: hosted('other', { structured_outputs: true }),
  }
  const place = createWorkplace(folder, { providers, models })
  let server: ServerProcess
  let client: OpenAI
  beforeAll(async () => {
    server = await place.start()
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 })
  }, 120_000)
  afterAll(async () => {
    server.signal('SIGTERM')
    await server.exited
    await upstream.stop(true)
    rmSync(folder, { recursive: true, force: true })
  })
  const ask = async (model: string, extra: object = { structured_outputs: { choice: ['yes', 'no'] } }) => {
    const { choices } = await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Is it?' }], ...extra })
    return choices[0]?.message.content
  }

  test('a local model gives one of the texts', async () => {
    for (const seed of [1, 2, 3])
      expect(['yes', 'no']).toContain(await ask('tiny', { seed, structured_outputs: { choice: ['yes', 'no'] } }))
  })

  test('a host that knows it is told, and believed only when the answer is one of them', async () => {
    expect(await ask('served')).toBe('yes')
    expect(body).toMatchObject({ structured_outputs: { choice: ['yes', 'no'] } })
    expect(body).not.toHaveProperty('response_format')
    expect(await ask('told')).toBe('yes')
    said = 'Certainly!'
    await expect(ask('served')).rejects.toMatchObject({ status: 502 })
    await expect(ask('told')).rejects.toMatchObject({ status: 502 })
  })

  test('what cannot be is refused with its name', async () => {
    await expect(ask('free')).rejects.toMatchObject({ status: 400, param: 'structured_outputs' })
    for (const [extra, param] of [
      [{ structured_outputs: { choice: [] } }, 'structured_outputs.choice'],
      [{ structured_outputs: { choice: ['a', ''] } }, 'structured_outputs.choice[1]'],
      [{ structured_outputs: { choice: ['a'], regex: 'a+' } }, 'structured_outputs.regex'],
      [{ structured_outputs: { choice: ['a'] }, response_format: { type: 'json_object' } }, 'structured_outputs'],
      [{ guided_choice: ['a'] }, 'guided_choice'],
    ] as const)
      await expect(ask('tiny', extra)).rejects.toMatchObject({ status: 400, param })
  })

  test('a route that quotes through a model that nothing holds to sentences is refused', async () => {
    const route = (model: string, more: object) => ({
      variants: [{ name: 'only', model, ...more, retrieval: { collection: 'docs', answer: 'extract' } }],
    })
    const collections = { docs: { embedding: 'embed', sources: [folder] } }
    const embed = { kind: 'embedding', provider: 'other', model: 'e', dimensions: 8 }
    const both = { kind: 'llm', deployments: [{ model: 'tiny' }, { model: 'free' }] }
    const checked = async (model: string, more: object = {}) => {
      place.configure({ providers, models: { ...models, embed, both }, collections, routes: { quoting: route(model, more) } })
      return place.run(['config', 'check'])
    }
    expect((await checked('free')).notes).toContain('free cannot be held to sentences')
    expect((await checked('both')).notes).toContain('both cannot be held to sentences')
    expect((await checked('tiny', { escalate: { model: 'free', on: ['refusal'] } })).notes).toContain('free cannot be held to sentences')
    for (const model of ['tiny', 'served', 'told']) expect((await checked(model)).code).toBe(0)
    place.configure({ providers, models })
  })
})
