import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { answersWell, type FaultyUpstream, startFaultyUpstream } from '../support/faulty-upstream.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

describe('an adaptive route on a running server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-adaptive-'))
  let upstream: FaultyUpstream
  let server: ServerProcess
  let place: ReturnType<typeof createWorkplace>
  let token = ''

  beforeAll(async () => {
    upstream = await startFaultyUpstream(answersWell)
    const llm = { kind: 'llm', provider: 'host', model: 'm' }
    const variants = ['plain', 'warm'].map((name) => ({
      name,
      model: 'm',
      weight_percent: 50,
      params: { temperature: name === 'warm' ? 1 : 0 },
    }))
    place = createWorkplace(folder, {
      providers: { host: { kind: 'openai-compatible', base_url: upstream.url } },
      models: { m: llm },
      metrics: { solved: { type: 'boolean', direction: 'increase' } },
      routes: {
        support: { variants, adaptive: { metric: 'solved', min_subjects: 30, every_s: 0.5, floor_percent: 10, max_step_percent: 40 } },
      },
    })
    server = await place.start()
    token = JSON.parse(await readFile(join(folder, 'state', 'server.json'), 'utf8')).token
  }, 120_000)
  afterAll(async () => {
    server.signal('SIGTERM')
    await server.exited
    await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    await response.text()
    expect(response.status).toBe(200)
    return response
  }
  const weights = async () => {
    const response = await fetch(`${server.url}/admin/routes`, { headers: { authorization: `Bearer ${token}` } })
    const { data } = (await response.json()) as { data: { name: string; variants: { name: string; weight_percent: number }[] }[] }
    const route = data.find(({ name }) => name === 'support')
    return Object.fromEntries(route?.variants.map(({ name, weight_percent }) => [name, weight_percent]) ?? [])
  }

  test('begins as declared, moves towards the variant that people prefer, and keeps the floor', async () => {
    const { out } = await vi.waitFor(
      async () => {
        const told = await place.run(['routes', 'weights', 'support', '--json'])
        expect(JSON.parse(told.out)).not.toHaveLength(0)
        return told
      },
      { timeout: 10_000, interval: 200 },
    )
    expect(JSON.parse(out).at(-1)).toMatchObject({ weights: { plain: 50, warm: 50 }, evidence: { began: true } })
    for (let at = 0; at < 120; at += 1) {
      const response = await post(
        '/v1/chat/completions',
        { model: 'support', messages: [{ role: 'user', content: 'hello' }] },
        { 'x-weir-subject': `user-${at}` },
      )
      const warm = response.headers.get('x-weir-variant') === 'warm'
      await post('/v1/feedback', { metric: 'solved', value: at % 10 < (warm ? 9 : 2), inference_id: response.headers.get('x-request-id') })
    }
    await vi.waitFor(async () => expect((await weights()).warm).toBeCloseTo(90, 0), { timeout: 15_000, interval: 300 })
    expect((await weights()).plain).toBeCloseTo(10, 0)
    const table = await place.run(['routes', 'weights', 'support', '--limit', '2'])
    expect(table.out).toMatch(/warm 90\.0/)
  }, 60_000)

  test('a report of it tests no split, because none is expected', async () => {
    const response = await fetch(`${server.url}/admin/experiments/support`, { headers: { authorization: `Bearer ${token}` } })
    expect(await response.json()).toMatchObject({ split: null })
  })

  test('another declaration is learned anew', async () => {
    place.configure({
      providers: { host: { kind: 'openai-compatible', base_url: upstream.url } },
      models: { m: { kind: 'llm', provider: 'host', model: 'm' } },
      metrics: { solved: { type: 'boolean', direction: 'increase' } },
      routes: {
        support: {
          variants: ['plain', 'warm'].map((name) => ({
            name,
            model: 'm',
            weight_percent: 50,
            params: { temperature: name === 'warm' ? 0.5 : 0 },
          })),
          adaptive: { metric: 'solved', min_subjects: 30 },
        },
      },
    })
    await vi.waitFor(async () => expect(await weights()).toEqual({ plain: 50, warm: 50 }), { timeout: 10_000, interval: 200 })
  }, 20_000)
})
