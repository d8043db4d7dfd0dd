import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Replicas, startReplicas } from '../support/replicas.ts'

const postgres = process.env.TEST_DATABASE_URL

/** A host that takes 20 ms and always says one token for one token. */
const host = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    await request.text()
    await Bun.sleep(20)
    const choices = [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }]
    const usage = { prompt_tokens: 1_000, completion_tokens: 1, total_tokens: 1_001 }
    return Response.json({ id: '1', object: 'chat.completion', created: 1, model: 'm', choices, usage })
  },
})
afterAll(() => host.stop(true))

describe.skipIf(!postgres)('two server processes over one Postgres', () => {
  let replicas: Replicas
  beforeAll(async () => {
    const price = { input_per_million_usd: 10, output_per_million_usd: 0 }
    replicas = await startReplicas(postgres as string, {
      providers: { host: { kind: 'openai-compatible', base_url: `${host.url}v1` } },
      models: { dear: { kind: 'llm', provider: 'host', model: 'm', price } },
      limits: [{ per: 'tenant', name: 'limited', requests_per_day: 200 }],
      budgets: [
        { per: 'organisation', name: 'holding', period: 'total', usd: 0.5 },
        { per: 'tenant', name: 'limited', period: 'total', usd: 1_000 },
      ],
    })
  }, 60_000)
  afterAll(() => replicas?.[Symbol.asyncDispose]())

  const keyOf = async (tenant: string) => {
    const response = await replicas.servers[0].call('POST', '/admin/keys', { name: tenant, tenant })
    return ((await response.json()) as { secret: string }).secret
  }
  /** Requests spread over both servers, all at once; how many were answered so. */
  const flood = async (secrets: readonly string[], count: number) => {
    // About a thousand tokens, as the host says it read: a cent each.
    const content = 'word '.repeat(800)
    const statuses = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const server = replicas.servers[index % 2]!
        const body = { model: 'dear', max_tokens: 1, messages: [{ role: 'user', content }] }
        const response = await server.call('POST', '/v1/chat/completions', body, secrets[index % secrets.length])
        await response.text()
        return response.status
      }),
    )
    const counts: Record<number, number> = {}
    for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
    return counts
  }

  test('400 requests at once against a limit of 200 a day: within 5 %', async () => {
    const secret = await keyOf('limited')
    await expect.poll(async () => (await replicas.servers[1].call('GET', '/v1/models', undefined, secret)).status).toBe(200)
    const counts = await flood([secret], 400)
    console.info(`of 400 requests through two servers ${counts[200]} were let through by a limit of 200`)
    expect(counts[200]).toBeLessThanOrEqual(200)
    expect(counts[200]).toBeGreaterThanOrEqual(190)
    expect((counts[200] ?? 0) + (counts[429] ?? 0)).toBe(400)
  }, 30_000)

  test('200 requests at once of two projects against their organisation’s budget: never more is spent than there is', async () => {
    const secrets = [await keyOf('web'), await keyOf('app')]
    for (const project of ['web', 'app']) {
      await replicas.servers[0].call('PUT', `/admin/projects/${project}`, { organisation: 'holding', reason: 'test' })
    }
    await expect.poll(async () => (await replicas.servers[1].call('GET', '/v1/models', undefined, secrets[1])).status).toBe(200)
    // Both have heard of the organisation by then.
    await Bun.sleep(2_000)
    const counts = await flood(secrets, 200)
    expect((counts[200] ?? 0) + (counts[429] ?? 0)).toBe(200)
    expect(counts[429]).toBeGreaterThan(100)
    const spent = async () => {
      const response = await replicas.servers[0].call('GET', '/admin/cost?by=organisation&organisation=holding')
      const { data } = (await response.json()) as { data: { requests: number; cost_usd: number }[] }
      return data[0]?.requests === 200 ? data[0].cost_usd : undefined
    }
    await expect.poll(spent, { timeout: 10_000 }).toBeDefined()
    const usd = (await spent()) ?? Number.NaN
    console.info(`of 200 requests of a cent each ${counts[200]} were let through by a budget of $0.50, which cost $${usd.toFixed(4)}`)
    expect(usd).toBeLessThanOrEqual(0.5)
    expect(usd).toBeGreaterThan(0.4)
  }, 30_000)
})
