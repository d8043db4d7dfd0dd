import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answersWell, type FaultyUpstream, startFaultyUpstream } from '../support/faulty-upstream.ts'
import { redisBinary, startRedis } from '../support/redis-process.ts'
import { type Replica, type Replicas, startReplicas } from '../support/replicas.ts'
import { startRespServer } from '../support/resp-server.ts'

const postgres = process.env.TEST_DATABASE_URL

const stores = [
  { name: 'the database', start: async () => ({ cache: { store: 'database' }, stop: async () => {} }), skip: false },
  {
    name: 'a server that speaks RESP',
    start: async () => {
      const server = startRespServer()
      return { cache: { store: 'redis', url: server.url }, stop: async () => server.stop() }
    },
    skip: false,
  },
  {
    name: 'a real Redis or Valkey',
    start: async () => {
      const server = await startRedis(redisBinary as string)
      return { cache: { store: 'redis', url: server.url }, stop: () => server[Symbol.asyncDispose]() }
    },
    skip: redisBinary === null,
  },
]

describe.skipIf(!postgres).each(stores.filter(({ skip }) => !skip))('two servers whose answers are kept in $name', ({ start }) => {
  let upstream: FaultyUpstream
  let replicas: Replicas
  let kept: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    upstream = await startFaultyUpstream(answersWell)
    kept = await start()
    const variants = [
      { name: 'stable', model: 'old' },
      { name: 'next', model: 'new', weight_percent: 0 },
      { name: 'third', model: 'other', weight_percent: 0 },
    ]
    const rollout = { candidate: 'next', stable: 'stable', rescue: false, steps: [{ weight_percent: 50, min_duration_s: 3600 }] }
    replicas = await startReplicas(postgres as string, {
      cache: kept.cache,
      providers: { host: { kind: 'openai-compatible', base_url: upstream.url } },
      models: Object.fromEntries(['old', 'new', 'other'].map((model) => [model, { kind: 'llm', provider: 'host', model }])),
      routes: {
        promoted: { variants, cache: { ttl_s: 3600, requests: 'all' }, rollout },
        undone: { variants, seed: 'other', cache: { ttl_s: 3600, requests: 'all' }, rollout },
      },
    })
  }, 90_000)
  afterAll(async () => {
    await replicas?.[Symbol.asyncDispose]()
    await upstream.close()
    await kept.stop()
  })

  const cacheOf = async (on: Replica, model: string, variant: string, content = 'hello') => {
    const body = { model, messages: [{ role: 'user', content: `${model}: ${content}` }] }
    const response = await on.call('POST', '/v1/chat/completions', body, undefined, { 'x-weir-variant': variant })
    await response.text()
    return response.status === 200 ? response.headers.get('x-weir-cache') : response.status
  }
  const admin = async (path: string, body: object) => {
    const response = await replicas.servers[0].call('POST', path, body)
    expect([path, response.status]).toEqual([path, expect.toSatisfy((status: number) => status < 300)])
  }
  /** Every variant's answer is kept, and known to both servers. */
  const fill = async (route: string) => {
    for (const variant of ['stable', 'next', 'third']) {
      expect(await cacheOf(replicas.servers[0], route, variant)).toBe('miss')
      // Written behind the answer's back.
      await expect.poll(() => cacheOf(replicas.servers[1], route, variant)).toBe('hit')
    }
  }

  test('the promotion of a candidate drops the answers of the one it replaces, on both, and no others', async () => {
    const [one, two] = replicas.servers
    await fill('promoted')
    await admin('/admin/rollouts', { route: 'promoted', reason: 'better' })
    await admin('/admin/rollouts/promoted/promote', { reason: 'good enough' })
    await expect.poll(() => cacheOf(two, 'promoted', 'next')).toBe('hit')
    await expect.poll(() => cacheOf(two, 'promoted', 'stable')).toBe('miss')
    for (const variant of ['next', 'third']) for (const server of [one, two]) expect(await cacheOf(server, 'promoted', variant)).toBe('hit')
    expect(await cacheOf(one, 'promoted', 'stable', 'another question')).toBe('miss')
  }, 30_000)

  test('a rollback drops the answers of the candidate, and no others', async () => {
    await fill('undone')
    await admin('/admin/rollouts', { route: 'undone', reason: 'try' })
    await admin('/admin/rollouts/undone/rollback', { reason: 'worse' })
    for (const server of replicas.servers) {
      await expect.poll(() => cacheOf(server, 'undone', 'next')).toBe(409)
      for (const variant of ['stable', 'third']) expect(await cacheOf(server, 'undone', variant)).toBe('hit')
    }
  }, 30_000)

  test('weir cache drop forgets one variant on both servers', async () => {
    const [one, two] = replicas.servers
    await admin('/admin/cache/drop', { route: 'undone', variant: 'third', reason: 'wrong' })
    await expect.poll(() => cacheOf(two, 'undone', 'third')).toBe('miss')
    expect(await cacheOf(one, 'undone', 'stable')).toBe('hit')
  })
})
