import { execSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { fileSpec } from '../support/local-models.ts'
import { startMockOpenAI } from '../support/mock-openai.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'
import { writeTinyGguf } from '../support/tiny-gguf.ts'

/** One server process, lived through from its first start to its last; the tests are in the order of its life. */
describe('weir up, as a user runs it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-up-'))
  const upstream = startMockOpenAI({ tokens: 12, tokenMs: 40 })
  const gguf = join(folder, 'tiny.gguf')
  writeTinyGguf(gguf)
  const config = {
    models: {
      tiny: { kind: 'llm', ...fileSpec(gguf), context_tokens: 256, threads: 1 },
      broken: { kind: 'llm', path: gguf, sha256: 'f'.repeat(64) },
      hosted: { kind: 'llm', provider: 'mock', model: 'mock-1' },
    },
    providers: { mock: { kind: 'openai-compatible', base_url: upstream.url } },
    routes: {
      chat: { variants: [{ name: 'stable', model: 'tiny', fallback: ['hosted'] }] },
      safe: { variants: [{ name: 'stable', model: 'broken', fallback: ['hosted'] }] },
    },
  }
  const place = createWorkplace(folder, config)
  let server: ServerProcess
  let adminKey = ''
  const client = (apiKey = adminKey) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 })
  const hello = { messages: [{ role: 'user' as const, content: 'hello' }] }

  beforeAll(async () => {
    server = await place.start()
    adminKey = /weir-\S+/.exec(server.banner)?.[0] ?? ''
  }, 120_000)

  afterAll(async () => {
    server.signal('SIGKILL')
    await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('prints an admin key and a curl line that works as printed', () => {
    expect(adminKey).toMatch(/^weir-.{20,}/)
    const curl = /curl .*/.exec(server.banner)?.[0] ?? 'false'
    const answer = JSON.parse(execSync(`${curl.replace('"messages"', '"max_tokens":8,"messages"')} -s`, { encoding: 'utf8' }))
    expect(answer.object).toBe('chat.completion')
  })

  test('answers the OpenAI SDK from the local model, streamed and not', async () => {
    const whole = await client().chat.completions.create({ model: 'chat', max_tokens: 6, temperature: 0, ...hello })
    expect(whole.usage?.completion_tokens).toBe(6)
    let text = ''
    const stream = await client().chat.completions.create({ model: 'chat', max_tokens: 6, temperature: 0, stream: true, ...hello })
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe(whole.choices[0]?.message.content)
    expect((await client().models.list()).data.map((model) => model.id)).toEqual(['chat', 'safe', 'tiny', 'broken', 'hosted'])
  })

  test('a model whose file is not the one configured is refused with both hashes, and its route falls back', async () => {
    const refusal = await client()
      .chat.completions.create({ model: 'broken', ...hello })
      .catch((error: unknown) => error)
    expect(refusal).toMatchObject({ status: 503 })
    expect(String((refusal as Error).message)).toContain('f'.repeat(64))
    expect(String((refusal as Error).message)).toContain(config.models.tiny.sha256)
    const { data, response } = await client()
      .chat.completions.create({ model: 'safe', ...hello })
      .withResponse()
    expect(response.headers.get('x-weir-model')).toBe('hosted')
    expect(data.choices[0]?.message.content).toContain('word0')
  })

  test('what model a hosted answer came from is kept', async () => {
    await vi.waitFor(
      async () => {
        const state = (await (
          await fetch(`${server.url}/admin/models/observed?provider=mock&requested=mock-1`, {
            headers: { authorization: `Bearer ${adminKey}` },
          })
        ).json()) as { data: { echoed: string }[] }
        expect(state.data[0]?.echoed).toBeTruthy()
      },
      { timeout: 5_000 },
    )
  })

  test('a second process on the same state is refused and told who holds it', async () => {
    const { code, notes } = await place.run(['up', '--port', '0'])
    expect(code).toBe(1)
    expect(notes).toContain(`process ${server.pid}`)
    expect(notes).toContain('DATABASE_URL')
  })

  test('commands reach the running server, and every answer has left a trace', async () => {
    await vi.waitFor(
      async () => {
        const { out } = await place.run(['traces', 'list', '--json'])
        const traces = JSON.parse(out) as { route: string; status: string; fell_back_from: string[] }[]
        expect(traces.map((trace) => [trace.route, trace.status])).toContainEqual(['broken', 'error'])
        expect(traces.find((trace) => trace.route === 'safe')?.fell_back_from).toEqual(['broken'])
      },
      { timeout: 10_000 },
    )
  })

  test('a bad edit of weir.yaml changes nothing and is logged with its line; a good one is served', async () => {
    place.configure({ ...config, routes: { chat: { variants: [{ name: 'stable', model: 'nobody' }] } } })
    await vi.waitFor(() => expect(server.log()).toContain('no llm is named nobody'), { timeout: 5_000 })
    expect((await client().models.list()).data).toHaveLength(5)
    place.configure({ ...config, routes: { ...config.routes, extra: { variants: [{ name: 'stable', model: 'hosted' }] } } })
    await vi.waitFor(async () => expect((await client().models.list()).data.map((model) => model.id)).toContain('extra'), {
      timeout: 5_000,
    })
  })

  test('a registered model answers under its alias, and a moved alias moves its traffic', async () => {
    const other = join(folder, 'other.gguf')
    writeTinyGguf(other, { seed: 2 })
    for (const file of [gguf, other])
      expect(await place.run(['models', 'add', 'kept', file, '--licence', 'apache-2.0'])).toMatchObject({ code: 0 })
    const hashes: string[] = []
    for (const version of ['1', '2']) {
      expect((await place.run(['models', 'promote', 'kept', 'production', version, '--reason', 'test'])).code).toBe(0)
      const ask = () =>
        client()
          .chat.completions.create({ model: 'kept@production', max_tokens: 4, temperature: 0, ...hello })
          .withResponse()
      await vi.waitFor(ask, { timeout: 10_000 })
      await vi.waitFor(
        async () => {
          const id = (await ask()).response.headers.get('x-request-id')
          const shown = await vi.waitFor(
            async () => {
              const trace = await place.run(['traces', 'show', id ?? ''])
              expect(trace.code).toBe(0)
              return JSON.parse(trace.out) as { variant_hash: string }
            },
            { timeout: 10_000, interval: 200 },
          )
          expect(hashes).not.toContain(shown.variant_hash)
          hashes.push(shown.variant_hash)
        },
        { timeout: 25_000 },
      )
    }
    expect(new Set(hashes).size).toBe(2)
  }, 60_000)

  test('a second key ends access without a key, and a revoked key is refused', async () => {
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(200)
    const { out } = await place.run(['keys', 'create', '--name', 'website', '--json'])
    const { id, secret } = JSON.parse(out) as { id: string; secret: string }
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(401)
    expect((await client(secret).models.list()).data.map((model) => model.id)).toContain('extra')
    await expect(client(secret).get('/../admin/keys')).rejects.toMatchObject({ status: 403 })
    expect((await place.run(['keys', 'revoke', id, '--reason', 'test'])).code).toBe(0)
    await expect(client(secret).models.list()).rejects.toMatchObject({ status: 401 })
  })

  test('SIGTERM lets a running stream finish, then ends with 0', async () => {
    const stream = await client().chat.completions.create({ model: 'hosted', stream: true, ...hello })
    let text = ''
    let finish: string | null = null
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.role) server.signal('SIGTERM')
      text += chunk.choices[0]?.delta.content ?? ''
      finish = chunk.choices[0]?.finish_reason ?? finish
    }
    expect(text).toContain('word11')
    expect(finish).toBe('stop')
    expect(await server.exited).toBe(0)
  })

  test('with no server running, commands open the state themselves', async () => {
    const { code, out } = await place.run(['keys', 'list', '--json'])
    expect(code).toBe(0)
    expect((JSON.parse(out) as { name: string }[]).map((key) => key.name)).toEqual(['first admin key', 'website'])
  })

  test('after kill -9 it starts again with its keys and its traces', async () => {
    server = await place.start()
    expect(server.banner).not.toContain('Admin key')
    await client().chat.completions.create({ model: 'chat', max_tokens: 4, metadata: { mark: 'before the kill' }, ...hello })
    await Bun.sleep(200)
    server.signal('SIGKILL')
    await server.exited
    server = await place.start()
    await vi.waitFor(
      async () => {
        const { data } = (await (
          await fetch(`${server.url}/admin/traces?limit=5`, { headers: { authorization: `Bearer ${adminKey}` } })
        ).json()) as { data: { metadata: { mark?: string } | null }[] }
        expect(data.some((trace) => trace.metadata?.mark === 'before the kill')).toBe(true)
      },
      { timeout: 10_000 },
    )
  }, 60_000)

  test('faults of usage end with 1 and say what to do', async () => {
    expect(await place.run(['up', '--port', 'many'])).toMatchObject({ code: 1, notes: expect.stringContaining('many') })
    expect(await place.run(['frobnicate'])).toMatchObject({ code: 1, notes: expect.stringContaining('--help') })
    expect(await place.run(['config', 'check', 'missing.yaml'])).toMatchObject({ code: 1, notes: expect.stringContaining('missing.yaml') })
    expect(await place.run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('Examples:') })
  })
})
