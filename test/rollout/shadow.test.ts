import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

/** One server over an upstream that serves both variants: `new` can be held back, and both price what they say. */
describe('a shadow on a running server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-shadow-'))
  const asked: { model: string; atMs: number; user: unknown }[] = []
  let holdMs = 0
  const upstream = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const body = (await request.json()) as { model: string; user?: string; messages: { content: string }[] }
      asked.push({ model: body.model, atMs: performance.now(), user: body.user })
      const question = body.messages.at(-1)?.content ?? ''
      if (body.model === 'judge') {
        // Prefers the longer answer, wherever it stands.
        const better = question.indexOf('long answer') < question.indexOf('Answer 2') ? 1 : 2
        return completion('judge', JSON.stringify({ reason: 'longer', better }))
      }
      if (body.model === 'new') await Bun.sleep(holdMs)
      return completion(body.model, body.model === 'new' ? `a long answer to ${question}` : 'I’m sorry, but I can’t help with that.')
    },
  })
  const hosted = (model: string) => ({
    kind: 'llm',
    provider: 'host',
    model,
    price: { input_per_million_usd: 100, output_per_million_usd: 100 },
  })
  const place = createWorkplace(folder, {
    providers: { host: { kind: 'openai-compatible', base_url: `${upstream.url.origin}/v1` } },
    models: { old: hosted('old'), new: hosted('new'), judge: hosted('judge') },
    // An answer of unknown length reserves 1,024 tokens, here a tenth of a dollar: room for two at a time.
    budgets: [{ per: 'route', name: 'poor', period: 'day', usd: 0.25 }],
    routes: {
      watched: {
        cache: { ttl_s: 3600, requests: 'all' },
        variants: [
          { name: 'stable', model: 'old' },
          { name: 'next', model: 'new', weight_percent: 0 },
        ],
        shadow: { variant: 'next', sample_percent: 100, max_concurrency: 1 },
      },
      poor: {
        variants: [
          { name: 'stable', model: 'old' },
          { name: 'next', model: 'new', weight_percent: 0 },
        ],
        shadow: { variant: 'next', sample_percent: 100 },
      },
      rolled: {
        variants: [
          { name: 'stable', model: 'old' },
          { name: 'next', model: 'new', weight_percent: 0 },
        ],
        rollout: {
          candidate: 'next',
          steps: [
            { mode: 'shadow', weight_percent: 100, min_duration_s: 0, min_samples: 20 },
            { weight_percent: 50, min_duration_s: 3600 },
          ],
          metrics: { latency: { role: 'report' } },
          failure_margin: 0.5,
        },
      },
    },
  })
  let server: ServerProcess
  let token = ''

  beforeAll(async () => {
    server = await place.start()
    token = JSON.parse(await readFile(join(folder, 'state', 'server.json'), 'utf8')).token
  }, 120_000)
  afterAll(async () => {
    server.signal('SIGKILL')
    await server.exited
    await upstream.stop(true)
    rmSync(folder, { recursive: true, force: true })
  })

  const ask = async (model: string, content: string, subject = content) => {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-weir-subject': subject },
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
    })
    await response.text()
    return { id: response.headers.get('x-request-id'), status: response.status, cache: response.headers.get('x-weir-cache') }
  }
  const admin = async (path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(`${server.url}${path}`, {
      headers,
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    })
    // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
    return (await response.json()) as any
  }
  const copies = async (route: string) => (await admin(`/admin/traces?route=${route}&purpose=shadow&limit=100`)).data
  const dropped = async () => {
    const text = await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
    return Number(/weir_shadow_copies_total\{[^}]*route="watched"[^}]*outcome="dropped"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0)
  }

  test('copies what was answered, names the original, and leaves the cache alone', async () => {
    const live = await ask('watched', 'first question', 'ann')
    expect(live).toMatchObject({ status: 200, cache: 'miss' })
    await vi.waitFor(async () => expect(await copies('watched')).toHaveLength(1), 10_000)
    const [copy] = await copies('watched')
    expect(copy).toMatchObject({ variant: 'next', subject: 'ann', arm: null, cache: 'bypass', status: 'ok', purpose: 'shadow' })
    expect(copy.metadata).toEqual({ shadow_of: live.id })
    expect(asked.map(({ model }) => model)).toEqual(['old', 'new'])
    // The same again comes from the cache, and a stored answer is no sample of what the variant does.
    expect((await ask('watched', 'first question', 'ann')).cache).toBe('hit')
    await Bun.sleep(100)
    expect(asked.map(({ model }) => model)).toEqual(['old', 'new'])
  })

  test('spends no budget', async () => {
    holdMs = 1_000
    for (const content of ['one', 'two', 'three', 'four']) expect((await ask('poor', content)).status).toBe(200)
    await vi.waitFor(() => expect(asked.filter(({ model }) => model === 'new').length).toBeGreaterThanOrEqual(4))
    holdMs = 0
  })

  test('drops what would wait too long, counts it, and no user waits', async () => {
    holdMs = 2_000
    const before = (await copies('watched')).length
    const started = performance.now()
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => ask('watched', `slow ${at}`)))
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    // One is asked and four wait; how many more came before the first was asked is a matter of turns.
    await vi.waitFor(async () => expect(await dropped()).toBeGreaterThanOrEqual(14))
    holdMs = 0
    const sent = 20 - (await dropped())
    await vi.waitFor(async () => expect((await copies('watched')).length - before).toBe(sent), 15_000)
  }, 30_000)

  test('moves the shadow step of a rollout on', async () => {
    await admin('/admin/rollouts', { route: 'rolled', reason: 'watch it first' })
    // Shares are compared from a hundred subjects a side on.
    for (let at = 0; at < 110; at += 1) expect((await ask('rolled', `question ${at}`)).status).toBe(200)
    await vi.waitFor(
      async () => {
        const { events } = await admin('/admin/rollouts/rolled')
        expect(events.map(({ kind }: { kind: string }) => kind)).toContain('advance')
      },
      { timeout: 20_000, interval: 300 },
    )
    const [{ trial, shadow }] = (await admin('/admin/routes')).data.filter(({ name }: { name: string }) => name === 'rolled')
    expect(trial).toMatchObject({ candidate: 'next', weight_percent: 50 })
    expect(shadow).toBeNull()
  }, 40_000)

  test('a report compares copies with what users got, and a judge whose order is swapped prefers one', async () => {
    const { code, out } = await place.run(['routes', 'shadow', 'rolled', '--judge', 'judge', '--pairs', '10', '--json'])
    expect(code).toBe(0)
    const report = JSON.parse(out)
    expect(report).toMatchObject({ route: 'rolled', variant: 'next', same_text: 0 })
    expect(report.pairs).toBeGreaterThanOrEqual(100)
    expect(report.refusals).toMatchObject({ live: report.pairs, shadow: 0 })
    expect(report.completion_tokens.difference.mean).toBe(-2)
    expect(report.preference).toMatchObject({ judge: 'judge', n: 10, shadow: 10, live: 0, ties: 0, undetermined: 0 })
    expect(report.preference.cost_usd).toBeGreaterThan(0)
    const table = await place.run(['routes', 'shadow', 'rolled'])
    expect(table.out).toContain('refusals')
  }, 30_000)

  test('does not hold up a shutdown', async () => {
    holdMs = 30_000
    await ask('watched', 'the last question')
    await vi.waitFor(() => expect(asked.at(-1)?.model).toBe('new'))
    const started = performance.now()
    server.signal('SIGTERM')
    await server.exited
    expect(performance.now() - started).toBeLessThan(8_000)
  }, 30_000)
})

const completion = (model: string, content: string) =>
  Response.json({
    id: 'x',
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: content.split(' ').length, total_tokens: 10 + content.split(' ').length },
  })
