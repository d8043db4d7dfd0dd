import { sql } from 'drizzle-orm'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Cost } from '../../src/answer/open-trace.ts'
import { createAdmission } from '../../src/compose/admission.ts'
import type { PriceOf } from '../../src/compose/prices.ts'
import type { Price } from '../../src/cost/cost-of.ts'
import type { Principal } from '../../src/keys/principal.ts'
import type { Budget } from '../../src/limits/budgets.ts'
import type { Rule } from '../../src/limits/rules.ts'
import type { Embedder } from '../../src/models/embedder.ts'
import type { Route, Variant } from '../../src/rollout/route.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { errorOf, type GatewayOptions, hello, startGateway } from '../http/gateway.ts'
import { echo, endless, finish, scripted, text, usage } from '../http/models.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

const costOfModel: Cost = ({ model }) => (model === 'dear' ? 0.25 : 0.05)
const price: Price = { inputPerMillionUsd: 1000, outputPerMillionUsd: 1000 }

describeDatabases('limits and budgets in front of a gateway', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  beforeEach(async () => {
    await handle.db.execute(sql`truncate allowances`)
  })

  const start = (setup: { rules?: Rule[]; budgets?: Budget[] }, options: GatewayOptions = {}, priceOf: PriceOf = () => price) => {
    const stopped = new AbortController()
    const now = { ms: Date.parse('2026-11-22T12:00:00Z') }
    const admission = createAdmission({
      database: handle,
      clock: () => now.ms,
      rules: () => setup.rules ?? [],
      budgets: () => setup.budgets ?? [],
      priceOf: () => priceOf,
      organisationOf: (tenant) => (tenant === 'acme' ? 'holding' : null),
      log: createLogger('silent'),
      signal: stopped.signal,
    })
    const gateway = startGateway({ models: [echo()], ...options, admit: admission.admit })
    const close = async () => {
      await gateway.close()
      await admission.close()
      stopped.abort()
    }
    const say = (changes: object = {}) => gateway.post('/v1/chat/completions', { ...hello, max_tokens: 10, ...changes })
    return { ...gateway, charge: admission.charge, closeAdmission: admission.close, now, say, [Symbol.asyncDispose]: close }
  }
  const limitsOf = (response: Response) =>
    Object.fromEntries(
      [...response.headers].filter(([name]) => name.startsWith('x-ratelimit')).map(([name, value]) => [name.slice(12), value]),
    )

  describe('limits', () => {
    test('are told in OpenAI’s headers, and past them it is 429 with the time to wait', async () => {
      await using gateway = start({ rules: [{ per: 'tenant', requests_per_minute: 2, tokens_per_minute: 1000 }] })
      const first = await gateway.say()
      expect(first.status).toBe(200)
      expect(limitsOf(first)).toEqual({
        'limit-requests': '2',
        'remaining-requests': '1',
        'reset-requests': '1m0s',
        'limit-tokens': '1000',
        // The estimate: 6 of the prompt and the 10 that it allows.
        'remaining-tokens': '984',
        'reset-tokens': '1m0s',
      })
      await gateway.say()
      const third = await gateway.say()
      expect(limitsOf(third)).toMatchObject({ 'limit-requests': '2', 'remaining-requests': '0' })
      expect(third.headers.get('retry-after')).toBe('90')
      expect(await errorOf(third)).toMatchObject({ status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' })
      gateway.now.ms += 90_001
      expect((await gateway.say()).status).toBe(200)
    })

    test('of tokens count what was used, not what was reserved', async () => {
      await using gateway = start({ rules: [{ per: 'tenant', tokens_per_minute: 100 }] })
      // Each reserves 16 and uses 7.
      const statuses = []
      for (let index = 0; index < 13; index += 1) statuses.push((await gateway.say()).status)
      expect(statuses.filter((status) => status === 200).length).toBe(13)
      expect((await gateway.say()).status).toBe(429)
    })

    test('hold for streams, completions and embeddings alike', async () => {
      await using gateway = start({ rules: [{ per: 'key', requests_per_day: 1 }] })
      const streamed = await gateway.say({ stream: true })
      expect(limitsOf(streamed)).toMatchObject({ 'remaining-requests': '0', 'reset-requests': '12h0m0s' })
      await streamed.text()
      expect((await gateway.post('/v1/completions', { model: 'echo', prompt: 'x' })).status).toBe(429)
    })

    test('of concurrency count requests that run, streams until their end', async () => {
      const { model } = endless()
      await using gateway = start({ rules: [{ per: 'model', name: 'echo', concurrency: 1 }] }, { models: [model] })
      const leaving = new AbortController()
      const running = await gateway.post('/v1/chat/completions', { ...hello, stream: true }, {}, leaving.signal)
      expect(running.status).toBe(200)
      expect((await gateway.say()).status).toBe(429)
      leaving.abort()
      await running.text().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 50))
      const next = new AbortController()
      expect((await gateway.post('/v1/chat/completions', { ...hello, stream: true }, {}, next.signal)).status).toBe(200)
      next.abort()
    })

    test('with a name stand in for those without, and a key’s metadata for both', async () => {
      const rules: Rule[] = [
        { per: 'tenant', requests_per_minute: 1 },
        { per: 'tenant', name: 'acme', requests_per_minute: 50 },
        { per: 'key', requests_per_minute: 4 },
      ]
      const limitFor = async (options: GatewayOptions) => {
        await using gateway = start({ rules }, options)
        return limitsOf(await gateway.say())['limit-requests']
      }
      expect(await limitFor({ principal: { keyId: null } })).toBe('50')
      expect(await limitFor({ principal: { keyId: null, tenant: 'other' } })).toBe('1')
      expect(await limitFor({})).toBe('4')
      expect(await limitFor({ principal: { metadata: { requests_per_minute: '2', team: 'blue' } } })).toBe('2')
    })

    test('leave no headers where there are none', async () => {
      await using gateway = start({})
      expect(limitsOf(await gateway.say())).toEqual({})
    })
  })

  describe('budgets', () => {
    test('spend what requests cost, then answer 429 insufficient_quota', async () => {
      // Each request reserves $0.016 and costs $0.25, as the gateway of these tests has it.
      await using gateway = start({ budgets: [{ per: 'tenant', period: 'month', usd: 0.6 }] })
      const statuses = []
      for (let index = 0; index < 3; index += 1) {
        statuses.push((await gateway.say()).status)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(statuses).toEqual([200, 200, 200])
      const refused = await gateway.say()
      expect(await errorOf(refused)).toMatchObject({
        status: 429,
        type: 'insufficient_quota',
        code: 'insufficient_quota',
        message: 'the limit of $0.6 a month for tenant acme is used up',
      })
      gateway.now.ms = Date.parse('2026-12-01T00:00:00Z')
      expect((await gateway.say()).status).toBe(200)
    })

    describe('with a cheaper route to fall back to', () => {
      const dear = { ...echo(), id: 'dear' }
      const cheap = () => scripted(() => [text('cheap'), finish(), usage()], {}, 'cheap')
      const local = () => scripted(() => [text('local'), finish(), usage()], {}, 'local')
      // Each dear request reserves and costs $0.25; the cheap one $0.05; the local one nothing.
      const prices: Record<string, Price | undefined> = { dear: { secondUsd: 0.025 }, cheap: { secondUsd: 0.005 } }
      const priceOf: PriceOf = (model) => prices[model]
      const budgetOf = (fallback: string): Budget => ({ per: 'tenant', period: 'month', usd: 0.6, fallback: { route: fallback } })
      const settled = () => new Promise((resolve) => setTimeout(resolve, 60))
      const ask = async (gateway: ReturnType<typeof start>, changes: object = {}) => {
        const response = await gateway.say({ model: 'dear', ...changes })
        await settled()
        return { response, status: response.status, instead: response.headers.get('x-weir-budget-fallback') }
      }

      test('sends them there, says so in a header, and records where they went', async () => {
        await using gateway = start(
          { budgets: [budgetOf('local')], rules: [{ per: 'key', requests_per_minute: 5 }] },
          { models: [dear, local()], principal: { allowedRoutes: ['dear'] } },
          priceOf,
        )
        const answers = [await ask(gateway), await ask(gateway), await ask(gateway), await ask(gateway, { stream: true })]
        expect(answers.map(({ status, instead }) => [status, instead])).toEqual([
          [200, null],
          [200, null],
          [200, 'local'],
          [200, 'local'],
        ])
        expect(await answers[2]!.response.json()).toMatchObject({ model: 'local', choices: [{ message: { content: 'local' } }] })
        expect(await answers[3]!.response.text()).toContain('[DONE]')
        expect(gateway.traces.map(({ route, model, metadata }) => [route, model, metadata?.budget_fallback_from])).toEqual([
          ['dear', 'dear', undefined],
          ['dear', 'dear', undefined],
          ['local', 'local', 'dear'],
          ['local', 'local', 'dear'],
        ])
        // Each counted as one request, those that moved too.
        expect(limitsOf((await ask(gateway)).response)).toMatchObject({ 'remaining-requests': '0' })
        expect((await ask(gateway)).status).toBe(429)
      })

      test('the budget stays hard: the cheaper route must fit too', async () => {
        await using gateway = start({ budgets: [budgetOf('cheap')] }, { models: [dear, cheap()], cost: costOfModel }, priceOf)
        const answers = []
        for (let index = 0; index < 6; index += 1) answers.push(await ask(gateway))
        expect(answers.map(({ status, instead }) => [status, instead])).toEqual([
          [200, null],
          [200, null],
          [200, 'cheap'],
          [200, 'cheap'],
          [429, null],
          [429, null],
        ])
        expect(await errorOf(answers[5]!.response)).toMatchObject({
          code: 'insufficient_quota',
          message: expect.stringContaining('$0.6 a month'),
        })
      })

      test('another variant of the same route may take over', async () => {
        const variant = (name: string, weightPercent: number): Variant => ({
          name,
          weightPercent,
          model: name,
          defaults: {},
          prompt: undefined,
          retrieval: undefined,
          hash: Bun.SHA256.hash(name, 'hex'),
        })
        const route: Route = { name: 'chat', seed: 'chat', variants: [variant('dear', 100), variant('local', 0)] }
        const budgets = [{ ...budgetOf('chat'), fallback: { route: 'chat', variant: 'local' } }]
        await using gateway = start({ budgets }, { models: [dear, local()], routes: [route] }, priceOf)
        const variants = []
        for (let index = 0; index < 4; index += 1) {
          const { response, instead } = await ask(gateway, { model: 'chat' })
          variants.push([response.headers.get('x-weir-variant'), instead])
        }
        expect(variants).toEqual([
          ['dear', null],
          ['dear', null],
          ['local', 'chat'],
          ['local', 'chat'],
        ])
      })

      test('a fallback that is not served is a refusal', async () => {
        await using gateway = start({ budgets: [budgetOf('gone')] }, { models: [dear] }, priceOf)
        const statuses = []
        for (let index = 0; index < 3; index += 1) statuses.push((await ask(gateway)).status)
        expect(statuses).toEqual([200, 200, 429])
      })

      test('embeddings are refused: vectors of another model would be of no use', async () => {
        const embedder: Embedder = {
          id: 'dear',
          dimensions: 2,
          maxTokens: 10,
          countTokens: async () => [1],
          embed: async () => ({ vectors: [new Float32Array(2)], tokens: 1 }),
        }
        await using gateway = start(
          { budgets: [{ ...budgetOf('local'), usd: 0.1 }] },
          { models: [local()], embedders: [embedder] },
          priceOf,
        )
        expect((await gateway.post('/v1/embeddings', { model: 'dear', input: 'x' })).status).toBe(429)
      })
    })

    test('count what was called behind an answer’s back, also beyond their end', async () => {
      const budgets: Budget[] = [
        { per: 'tenant', period: 'month', usd: 1 },
        { per: 'organisation', name: 'holding', period: 'month', usd: 5 },
      ]
      await using gateway = start({ budgets })
      const spent = { tenant: 'acme', route: 'echo', model: 'echo', costUsd: 0.7 }
      for (let index = 0; index < 3; index += 1) gateway.charge(spent)
      gateway.charge({ ...spent, costUsd: null })
      await new Promise((resolve) => setTimeout(resolve, 100))
      const refused = await errorOf(await gateway.say())
      expect(refused).toMatchObject({ status: 429, message: 'the limit of $1 a month for tenant acme is used up' })
      await gateway.closeAdmission()
      const rows = await handle.db.execute<{ subject: string; used: string }>(sql`select subject, used from allowances order by subject`)
      expect([...rows].map(({ subject, used }) => [subject, Number(used) / 1e9])).toEqual([
        ['budget organisation holding month', 2.1],
        ['budget tenant acme month', 2.1],
      ])
    })

    test('of an organisation are shared by its projects', async () => {
      const budgets: Budget[] = [{ per: 'organisation', period: 'month', usd: 0.4 }]
      const statusOf = async (principal: Partial<Principal>) => {
        await using gateway = start({ budgets }, { principal })
        const { status } = await gateway.say()
        await new Promise((resolve) => setTimeout(resolve, 60))
        return status
      }
      const inOrganisation = (tenant: string, organisation: string | null) => statusOf({ tenant, organisation })
      expect(await inOrganisation('acme-web', 'acme')).toBe(200)
      expect(await inOrganisation('acme-app', 'acme')).toBe(200)
      expect(await inOrganisation('acme-shop', 'acme')).toBe(429)
      expect(await inOrganisation('other', 'another')).toBe(200)
      expect(await inOrganisation('alone', null)).toBe(200)
    })

    test('tell a webhook once, at their share', async () => {
      const told: unknown[] = []
      await using webhook = Object.assign(
        Bun.serve({
          port: 0,
          fetch: async (request) => {
            told.push(await request.json())
            return new Response(null, { status: 204 })
          },
        }),
        { [Symbol.asyncDispose]: async () => {} },
      )
      const budget: Budget = { per: 'tenant', period: 'day', usd: 1, warnPercent: 50, webhook: webhook.url.href }
      await using gateway = start({ budgets: [budget] })
      for (let index = 0; index < 4; index += 1) {
        await gateway.say()
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
      await webhook.stop(true)
      expect(told).toEqual([
        { type: 'budget.warning', for: 'tenant acme', period: 'day', limit_usd: 1, warned_at_usd: 0.5, warn_percent: 50 },
      ])
    })
  })
})
