import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { deal } from '../../src/rollout/assign.ts'
import { applyOverlay } from '../../src/rollout/overlay.ts'
import { answersWell, type FaultyUpstream, startFaultyUpstream } from '../support/faulty-upstream.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

/** One server process with the embedded database, as its operator and its clients meet it. */
const folder = mkdtempSync(join(tmpdir(), 'weir-rollouts-'))
let upstream: FaultyUpstream
let server: ServerProcess
let place: ReturnType<typeof createWorkplace>
let token = ''

beforeAll(async () => {
  upstream = await startFaultyUpstream(answersWell)
  const variants = [
    { name: 'stable', model: 'old' },
    { name: 'next', model: 'new', weight_percent: 0 },
  ]
  const steps = [{ weight_percent: 50, min_duration_s: 3600 }]
  place = createWorkplace(folder, {
    providers: {
      host: { kind: 'openai-compatible', base_url: upstream.url },
      locked: { kind: 'openai-compatible', base_url: upstream.url, api_key: '' },
    },
    models: {
      old: { kind: 'llm', provider: 'host', model: 'old' },
      new: { kind: 'llm', provider: 'host', model: 'new' },
      unpaid: { kind: 'llm', provider: 'locked', model: 'new' },
    },
    routes: {
      support: { variants },
      unready: { variants: [variants[0], { ...variants[1], model: 'unpaid' }] },
      cached: { variants, cache: { ttl_s: 3600, requests: 'all' }, rollout: { candidate: 'next', steps } },
      wished: { variants, rollout: { candidate: 'next', start: 'auto', steps } },
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

const ask = (model: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  })
const admin = async (method: string, path: string, body?: object) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(`${server.url}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  return { status: response.status, body: (await response.json()) as any }
}
const routeOf = (temperature: number) => ({ variants: [{ name: 'only', model: 'old', params: { temperature } }] })

test('routes are put, changed and rolled back under load, and no request is dropped', async () => {
  expect((await admin('PUT', '/admin/routes/team/trial', { settings: routeOf(0), reason: 'first' })).body.version).toBe(1)
  let going = true
  const statuses: Record<string, number> = {}
  const load = ['support', 'team/trial'].flatMap((model) =>
    Array.from({ length: 4 }, async () => {
      while (going) {
        const response = await ask(model)
        await response.text()
        statuses[`${model} ${response.status}`] = (statuses[`${model} ${response.status}`] ?? 0) + 1
      }
    }),
  )
  for (let change = 1; change <= 15; change += 1) {
    await admin('PUT', '/admin/routes/team/trial', { settings: routeOf(change / 10), reason: `change ${change}` })
  }
  const back = await admin('POST', '/admin/routes/team%2Ftrial/rollback', { version: 3, reason: 'better then' })
  going = false
  await Promise.all(load)
  expect(Object.keys(statuses).sort()).toEqual(['support 200', 'team/trial 200'])
  expect(Math.min(...Object.values(statuses))).toBeGreaterThan(20)
  expect(back.body).toMatchObject({ version: 3, settings: routeOf(0.2) })

  const same = await admin('PUT', '/admin/routes/team/trial', { settings: routeOf(0.2), reason: 'the same' })
  expect(same.body).toMatchObject({ version: 3, changed: false })
  const stale = await admin('PUT', '/admin/routes/team/trial', { settings: routeOf(2), reason: 'late', expected_version: 16 })
  expect(stale.status).toBe(409)
  await ask('team/trial')
  expect(upstream.requests.at(-1)?.body.temperature).toBe(0.2)
  expect((await admin('POST', '/admin/routes/team%2Ftrial/rollback', { reason: 'and before' })).body.version).toBe(2)
}, 60_000)

test('a route that cannot be is refused with its place, and those of the file are the file’s', async () => {
  const put = (name: string, settings: unknown, reason = 'why not') => admin('PUT', `/admin/routes/${name}`, { settings, reason })
  const messages = [
    await put('support', routeOf(0)),
    await put('x', { variants: [{ name: 'only', model: 'nobody' }] }),
    await put('x', { variants: [{ name: 'only', model: 'old', colour: 1 }] }),
    await put('x', { variants: [{ name: 'only', model: 'old', weight_percent: 50 }] }),
    await put('x', { ...routeOf(0), guardrails: { input: ['nothing'] } }),
    await put('old', routeOf(0)),
    await put('x', routeOf(0), ' '),
  ].map(({ status, body }) => [status, body.error.message])
  expect(messages).toEqual([
    [409, "the route 'support' is declared in weir.yaml: change it there"],
    [400, 'variants[0].model: no llm is named nobody'],
    [400, "unknown parameter 'variants[0].colour'"],
    [400, 'variants: weight_percent adds up to 50, not 100'],
    [400, 'guardrails.input[0]: no guardrail is named nothing'],
    [400, 'the route: a model has this name too; clients could not tell them apart'],
    [400, "'reason': say why: a change needs a reason"],
  ])
  expect((await ask('x')).status).toBe(404)
})

test('a route that was deleted is served no more, and a rollback brings it back', async () => {
  await admin('PUT', '/admin/routes/short', { settings: routeOf(0), reason: 'trial' })
  expect((await ask('short')).status).toBe(200)
  await admin('DELETE', '/admin/routes/short?reason=over')
  expect((await ask('short')).status).toBe(404)
  expect((await admin('DELETE', '/admin/routes/short?reason=again')).status).toBe(404)
  await admin('POST', '/admin/routes/short/rollback', { reason: 'missed' })
  expect((await ask('short')).status).toBe(200)
  const { body } = await admin('GET', '/admin/routes/short/history')
  expect(body.data.map(({ kind, reason }: { kind: string; reason: string }) => [kind, reason])).toEqual([
    ['put', 'trial'],
    ['delete', 'over'],
    ['rollback', 'missed'],
  ])
})

test('a candidate without a model that serves is not started', async () => {
  const { status, body } = await admin('POST', '/admin/rollouts', { route: 'unready', candidate: 'next', reason: 'try' })
  expect([status, body.error.message, body.error.param]).toEqual([
    400,
    "'next' has no model that serves here: 'unpaid' is not configured, or the key of its host is not set",
    'candidate',
  ])
})

test('a rollout that the file asks for is started without anybody, once', async () => {
  await vi.waitFor(async () => {
    const { body } = await admin('GET', '/admin/rollouts?route=wished')
    expect(body.data).toMatchObject([{ candidate: 'next', stable: 'stable', status: 'running', created_by: 'controller' }])
  }, 10_000)
  await admin('POST', '/admin/rollouts/wished/abort', { reason: 'no' })
  await Bun.sleep(2_500)
  expect((await admin('GET', '/admin/rollouts?route=wished')).body.data).toHaveLength(1)
})

test('the control is as cold as the candidate, and what goes out of service is forgotten, exactly', async () => {
  const cacheOf = async (headers: Record<string, string>) => {
    const response = await ask('cached', headers)
    return `${response.headers.get('x-weir-variant')} ${response.headers.get('x-weir-cache')}`
  }
  const pin = (variant: string) => cacheOf({ 'x-weir-variant': variant })
  expect([await pin('stable'), await pin('stable')]).toEqual(['stable miss', 'stable hit'])
  const { body } = await admin('POST', '/admin/rollouts', { route: 'cached', reason: 'faster' })

  const variant = (name: string) => ({ name, weightPercent: 50, model: 'm', defaults: {}, hash: name })
  const trial = { candidate: 'next', control: 'stable', weightPercent: 50, seed: body.id }
  const dealt = applyOverlay({ name: 'cached', seed: 's', variants: [variant('stable'), variant('next')] }, { trial })
  const subjectOf = (arm: string) => {
    const subject = Array.from({ length: 100 }, (_, index) => `user-${index}`).find((one) => deal(dealt, one).arm === arm)
    return { 'x-weir-subject': subject ?? '' }
  }
  expect(await cacheOf(subjectOf('control'))).toBe('stable miss')
  expect(await cacheOf(subjectOf('control'))).toBe('stable hit')
  expect(await cacheOf(subjectOf('candidate'))).toBe('next miss')
  expect(await cacheOf(subjectOf('candidate'))).toBe('next hit')
  expect(await pin('stable')).toBe('stable hit')
  await admin('POST', '/admin/rollouts/cached/promote', { reason: 'enough' })
  expect(await cacheOf(subjectOf('control'))).toBe('next hit')
  expect(await pin('stable')).toBe('stable miss')
  await admin('POST', '/admin/rollouts/cached/rollback', { reason: 'complaints' })
  expect(await cacheOf(subjectOf('control'))).toBe('stable hit')
  expect((await ask('cached', { 'x-weir-variant': 'next' })).status).toBe(409)
  const events = (await admin('GET', '/admin/rollouts/cached/events')).body.data
  expect(events.map(({ kind, override }: { kind: string; override: boolean }) => [kind, override])).toEqual([
    ['create', false],
    ['start', false],
    ['promote', true],
    ['rollback', false],
  ])
})

test('weir rollouts and weir routes do the same, and tell what is wrong', async () => {
  const weir = async (...words: string[]) => {
    const { code, out, notes } = await place.run(words)
    return { code, text: out + notes }
  }
  writeFileSync(
    join(folder, 'plan.yaml'),
    'failure_margin: 0.05\nsteps:\n  - { weight_percent: 50, min_duration_s: 0, min_samples: 20, gate: manual }\n',
  )
  const started = await weir('rollouts', 'start', 'support', '--candidate', 'next', '--plan', 'plan.yaml', '--reason', 'try')
  expect(started).toMatchObject({
    code: 0,
    text: expect.stringContaining('support: next against stable is running, step 1 of 1 (canary 50 %)'),
  })
  expect((await weir('rollouts', 'start', 'support', '--candidate', 'next', '--reason', 'twice')).text).toContain(
    'is under way: end it first',
  )
  expect((await weir('rollouts', 'hold', 'support')).text).toContain("required option '--reason <text>' not specified")
  expect((await weir('rollouts', 'status', 'nobody')).text).toContain("there is no rollout 'nobody'")
  for (let user = 0; user < 260; user += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await ask('support', { 'x-weir-subject': `u${user + index}` })).text()),
    )
  }
  await vi.waitFor(async () => {
    const { out } = await place.run(['rollouts', 'status', 'support', '--json'])
    expect(JSON.parse(out).status).toBe('awaiting_approval')
  }, 20_000)
  const status = await weir('rollouts', 'status', 'support')
  expect(status.text).toMatch(/▸ canary 50 %, by approval/)
  expect(status.text).toMatch(/failures +guardrail +no worse/)
  expect((await weir('rollouts', 'approve', 'support', '--reason', 'fine')).text).toContain('is promoted')
  expect((await weir('routes', 'list')).text).toMatch(/support +weir.yaml +stable +0 %.*\n +next +100 %/)
  expect((await weir('rollouts', 'rollback', 'support', '--reason', 'no')).text).toContain('is rolled back')
  expect((await weir('routes', 'list')).text).toMatch(/next +disabled/)
  expect((await weir('audit', '--action', 'rollout', '--limit', '2')).text).toMatch(/rollout\.rollback.*no\n.*rollout\.promote.*fine/)

  const simulated = await weir('rollouts', 'simulate', 'support', '--candidate-rate', '0.02', '0.08', '--runs', '40', '--requests', '5000')
  expect(simulated.text).toMatch(/8 % +100 %/)
  expect(simulated.text).toContain('False rollbacks, where both fail alike:')
  const [one, again] = [
    await weir('rollouts', 'simulate', '--runs', '5', '--json'),
    await weir('rollouts', 'simulate', '--runs', '5', '--json'),
  ]
  expect(JSON.parse(one.text.split('\n')[0] ?? '')).toMatchObject({ runs: 5, seed: 1 })
  expect(again).toEqual(one)
}, 90_000)
