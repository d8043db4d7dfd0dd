import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import type { Hono } from 'hono'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { modelCommands } from '../../src/cli/models.ts'
import type { Database } from '../../src/db/database.ts'
import { modelRoutes } from '../../src/http/admin/models.ts'
import type { Env } from '../../src/http/context.ts'
import { sha256 } from '../../src/lib/hash.ts'
import { createLocalArtifacts, type LocalArtifacts } from '../../src/registry/artifacts/local.ts'
import { blobKey } from '../../src/registry/artifacts/store.ts'
import { createObserver, type ObservedChange, observationHistory } from '../../src/registry/observations.ts'
import { createModelTable } from '../../src/registry/table.ts'
import { adminApp, runCli } from '../support/admin-app.ts'
import { describeDatabases } from '../support/database.ts'
import { writeTinyGguf } from '../support/tiny-gguf.ts'
import { type HubServer, startHub } from './hub-server.ts'

const root = mkdtempSync(join(tmpdir(), 'weir-models-'))
writeTinyGguf(join(root, 'tiny.gguf'))
writeTinyGguf(join(root, 'other.gguf'), { seed: 2 })
mkdirSync(join(root, 'embed/onnx'), { recursive: true })
writeFileSync(join(root, 'embed/onnx/model.onnx'), 'weights')
writeFileSync(join(root, 'embed/tokenizer.json'), '{"a":1}')
writeFileSync(join(root, 'embed/tokenizer_config.json'), '{"chat_template":"T"}')
writeFileSync(join(root, 'embed/README.md'), '---\nlicense: apache-2.0\nbase_model: big/one\n---\n# Embedder')

afterAll(() => rmSync(root, { recursive: true, force: true }))

describeDatabases('models by API and command', (makeDatabase) => {
  let handle: Awaited<ReturnType<typeof makeDatabase>>
  let db: Database
  let app: Hono<Env>
  let store: LocalArtifacts
  let hub: HubServer | undefined
  let indexed = new Set<string>()
  let storeCount = 0
  const weir = (...words: string[]) => runCli(app, modelCommands, ['models', ...words], { folder: root })
  const json = async (...words: string[]) => JSON.parse((await weir(...words, '--json')).out)

  beforeEach(async () => {
    handle = await makeDatabase()
    db = handle.db
    indexed = new Set()
    storeCount += 1
    store = createLocalArtifacts(join(root, `artifacts-${handle.kind}-${storeCount}`))
    const gguf = readFileSync(join(root, 'tiny.gguf'))
    await hub?.[Symbol.asyncDispose]()
    hub = startHub('o/tiny-GGUF', {
      'tiny-Q4_0.gguf': { content: gguf, lfs: true },
      'README.md': { content: Buffer.from('---\nlicense: mit\n---\n# Tiny'), lfs: false },
    })
    const deps = {
      db,
      clock: () => Date.parse('2026-11-17T12:00:00Z'),
      artifacts: { store, downloads: store },
      hub: { endpoint: hub.url },
      runtime: { 'node-llama-cpp': '3.22.1' },
      indexExists: async (name: string, version: number) => indexed.has(`${name}@${version}`),
    }
    app = adminApp({ '/admin/models': modelRoutes(deps) })
  })
  afterAll(async () => {
    await hub?.[Symbol.asyncDispose]()
  })

  test('add registers a GGUF file with what its header says, once', async () => {
    expect((await weir('add', 'house/llm', 'tiny.gguf', '--licence', 'mit')).out).toBe('house/llm version 1')
    expect((await weir('add', 'house/llm', 'tiny.gguf', '--licence', 'mit')).out).toBe('house/llm version 1 (registered before)')
    expect((await weir('add', 'house/llm', 'other.gguf')).out).toBe('house/llm version 2')
    expect(await json('show', 'house/llm', '1')).toMatchObject({
      kind: 'llm',
      format: 'gguf',
      files: [{ path: 'tiny.gguf', sha256: sha256(readFileSync(join(root, 'tiny.gguf'))) }],
      facts: {
        licence: 'mit',
        gguf: { architecture: 'llama', context_length: 1024 },
        chat_template_sha256: expect.any(String),
        runtime: { 'node-llama-cpp': '3.22.1' },
      },
    })
    expect(await json('list')).toEqual([{ name: 'house/llm', kind: 'llm', latest: 2, aliases: {} }])
    expect((await weir('add', 'house/llm', 'embed', '--kind', 'embedding')).error).toMatchObject({ code: 'conflict' })
    expect((await weir('add', 'x', 'none.gguf')).error).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('cannot read'),
    })
    expect((await weir('add', 'a@b', 'tiny.gguf')).error).toMatchObject({ code: 'invalid_request' })
  })

  test('add registers a folder with tokenizer, template and card', async () => {
    await weir('add', 'embed', 'embed', '--kind', 'embedding')
    expect(await json('show', 'embed')).toMatchObject({
      format: 'onnx',
      has_card: true,
      facts: { licence: 'apache-2.0', base_model: 'big/one', chat_template_sha256: sha256('T'), tokenizer_sha256: sha256('{"a":1}') },
    })
    const response = await app.request('/admin/models/embed/latest/card')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).toContain('<h1>Embedder</h1>')
    expect((await weir('card', 'embed')).out).toContain('<td>apache-2.0</td>')
  })

  test('pull fetches, checks and registers', async () => {
    const run = await weir('pull', 'hf:o/tiny-GGUF:Q4_0', '--name', 'tiny', '--json')
    const told = run.out.split('\n').map((line) => JSON.parse(line))
    expect(told[0]).toMatchObject({ type: 'started', files: 2 })
    expect(told.at(-1)).toEqual({ type: 'done', name: 'tiny', version: 1, created: true })
    expect(told.filter((line) => line.type === 'progress' && line.done_bytes === line.total_bytes).length).toBeGreaterThanOrEqual(2)
    expect(await json('show', 'tiny')).toMatchObject({
      facts: { source: 'hf:o/tiny-GGUF:Q4_0', revision: 'c0ffee00'.repeat(5), licence: 'mit' },
    })
    expect((await weir('pull', 'hf:o/tiny-GGUF:Q4_0', '--name', 'tiny')).out).toBe('tiny version 1 (registered before)')
    expect((await weir('pull', 'hf:o/tiny-GGUF:Q2_K')).error).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('it has tiny-Q4_0.gguf'),
    })
    hub?.corrupt.set('README.md', Buffer.from('---\nlicense: gpl\n---\n# Tiny'))
    rmSync(await store.open(await blobOf('tiny', 'README.md')))
    expect((await weir('pull', 'hf:o/tiny-GGUF:Q4_0', '--name', 'again')).error).toMatchObject({ code: 'model_unverified' })
  })

  const blobOf = async (name: string, path: string) => (await json('show', name)).files.find((file: { path: string }) => file.path === path)

  test('verify finds a changed file, in that model alone', async () => {
    await weir('add', 'a', 'tiny.gguf')
    await weir('add', 'b', 'other.gguf')
    expect(await weir('verify', 'a')).toMatchObject({ code: 0, out: expect.stringContaining('intact') })
    const { sha256: hash } = await blobOf('a', 'tiny.gguf')
    const folder = join(root, `artifacts-${handle.kind}-${storeCount}`)
    writeFileSync(join(folder, blobKey({ sha256: hash })), 'x')
    expect(await weir('verify', 'a')).toMatchObject({ code: 2, out: expect.stringContaining('mismatch  tiny.gguf') })
    expect((await weir('verify', 'b')).code).toBe(0)
  })

  test('aliases move by compare-and-set with their history, and roll back', async () => {
    await weir('add', 'm', 'tiny.gguf')
    await weir('add', 'm', 'other.gguf')
    await weir('promote', 'm', 'production', '1', '--reason', 'first')
    expect((await weir('promote', 'm', 'production', 'latest', '--reason', 'second')).out).toBe(
      'm: production moved from version 1 to version 2',
    )
    expect((await weir('promote', 'm', 'production', '1', '--reason', 'x', '--expect', '1')).error).toMatchObject({ code: 'conflict' })
    expect((await weir('rollback', 'm', '--reason', 'slow')).out).toBe('m: production moved from version 2 to version 1')
    expect((await weir('rollback', 'm', '--reason', 'slow')).error).toMatchObject({ code: 'conflict' })
    expect((await weir('promote', 'm', 'latest', '1', '--reason', 'x')).error).toMatchObject({ code: 'invalid_request' })
    expect((await weir('promote', 'm', 'staging', '7', '--reason', 'x')).error).toMatchObject({ code: 'not_found' })
    const { events } = await json('history', 'm')
    expect(events.map((event: { kind: string; to_version: number }) => [event.kind, event.to_version])).toEqual([
      ['promote', 1],
      ['promote', 2],
      ['rollback', 1],
    ])
    await expect(db.execute(sql`update model_versions set format = 'x'`)).rejects.toThrow()
  })

  test('an embedding alias moves only to a version that an index is built with', async () => {
    await weir('add', 'embed', 'embed', '--kind', 'embedding')
    const refused = await weir('promote', 'embed', 'production', '1', '--reason', 'x')
    expect(refused.error).toMatchObject({ code: 'conflict', message: expect.stringContaining('no index is built') })
    indexed.add('embed@1')
    expect((await weir('promote', 'embed', 'production', '1', '--reason', 'x')).code).toBe(0)
  })

  test('requests name model@alias or model@version', async () => {
    await weir('add', 'm', 'tiny.gguf')
    await weir('add', 'm', 'other.gguf')
    await weir('promote', 'm', 'production', '1', '--reason', 'x')
    let changes = 0
    const onChange = () => {
      changes += 1
    }
    await using table = createModelTable({ db, listen: handle.listen, pollMs: 50, onChange, onError: () => {} })
    await table.start()
    expect(table.resolve('m@production')).toMatchObject({ name: 'm', version: 1, alias: 'production', kind: 'llm', format: 'gguf' })
    expect(table.resolve('m@2')).toMatchObject({ version: 2, alias: undefined })
    expect(table.resolve('m')).toMatchObject({ version: 1 })
    expect(table.resolve('m@1')?.manifestHash).not.toBe(table.resolve('m@2')?.manifestHash)
    expect(table.resolve('other@production')).toBeUndefined()
    expect(() => table.resolve('m@latest')).toThrow('it has production, 1, 2')
    await weir('promote', 'm', 'production', '2', '--reason', 'x')
    for (let waited = 0; table.resolve('m')?.version !== 2 && waited < 2000; waited += 10) await Bun.sleep(10)
    expect(table.resolve('m')?.version).toBe(2)
    expect(changes).toBe(2)
  })

  test('hosted models are registered by name, and what the host echoes is followed', async () => {
    expect((await weir('add', 'big', '--kind', 'hosted', '--hosted', 'openai:gpt-x')).out).toBe('big version 1')
    expect(await json('show', 'big')).toMatchObject({
      kind: 'hosted',
      files: [],
      facts: { hosted: { provider: 'openai', model: 'gpt-x' } },
    })
    const changes: ObservedChange[] = []
    let now = 1
    const observer = () =>
      createObserver({
        db,
        clock: () => now,
        onChange: (change) => changes.push(change),
        onError: (error) => {
          throw error
        },
      })
    const asked = { provider: 'openai', requested: 'gpt-x' }
    const [one, two] = [observer(), observer()]
    for (const echoed of ['gpt-x-01', 'gpt-x-01', 'gpt-x-02']) one.observe({ ...asked, echoed })
    await one.settled()
    now = 2
    two.observe({ ...asked, echoed: 'gpt-x-02' })
    await two.settled()
    expect(changes).toEqual([
      { ...asked, echoed: 'gpt-x-01', from: null, atMs: 1 },
      { ...asked, echoed: 'gpt-x-02', from: 'gpt-x-01', atMs: 1 },
    ])
    expect((await observationHistory(db, asked)).map(({ echoed }) => echoed)).toEqual(['gpt-x-02', 'gpt-x-01'])
    const response = await app.request('/admin/models/observed?provider=openai&requested=gpt-x')
    expect(((await response.json()) as { data: unknown[] }).data).toHaveLength(2)
  })

  test('every command has examples in its help', async () => {
    for (const command of ['add', 'pull', 'list', 'show', 'verify', 'card', 'history', 'promote', 'rollback']) {
      const { out } = await weir(command, '--help')
      expect(out).toContain('Example')
      expect(out).toContain('--json')
    }
  })
})
