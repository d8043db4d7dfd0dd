import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Facts, unmet } from '../../src/rollout/rules.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

describe('the conditions of a rule', () => {
  const facts: Facts = {
    metadata: { tier: 'free' },
    tools: false,
    promptTokens: () => 40,
    language: () => 'es',
    probability: async (classifier) => (classifier === 'away' ? null : 0.7),
  }
  test.each([
    [{ metadata: { tier: ['free', 'trial'] } }, undefined],
    [{ metadata: { tier: ['paid'] } }, "metadata.tier is 'free'"],
    [{ metadata: { constructor: ['x'] } }, "metadata has no 'constructor'"],
    [{ promptTokens: { min: 40, max: 40 } }, undefined],
    [{ promptTokens: { max: 39 } }, 'the prompt has about 40 tokens'],
    [{ languages: ['es', 'pt'] }, undefined],
    [{ languages: ['en'] }, "the language is 'es'"],
    [{ tools: false }, undefined],
    [{ tools: true }, 'the request brings no tools'],
    [{ label: { classifier: 'guard', label: 'bad', minProbability: 0.7 } }, undefined],
    [{ label: { classifier: 'guard', label: 'bad', minProbability: 0.71 } }, "guard gives 'bad' 0.700"],
    [{ label: { classifier: 'away', label: 'bad', minProbability: 0.1 } }, 'away gave no answer'],
    [{ metadata: { tier: ['free'] }, languages: ['en'] }, "the language is 'es'"],
  ])('%j: %s', async (when, expected) => expect(await unmet(when, facts)).toBe(expected))

  test('a classifier is not asked where a cheaper condition fails', async () => {
    let asked = 0
    const counting: Facts = { ...facts, probability: async () => (asked += 1) }
    await unmet({ tools: true, label: { classifier: 'guard', label: 'bad', minProbability: 0.5 } }, counting)
    expect(asked).toBe(0)
  })
})

/** A small model that is sure of some answers, and a large one that can be out of order. */
describe('rules and cascades on a running server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-rules-'))
  const asked: { model: string; logprobs: unknown }[] = []
  let largeIsDown = false
  const upstream = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const body = (await request.json()) as { model: string; logprobs?: boolean; messages: { content: string }[] }
      asked.push({ model: body.model, logprobs: body.logprobs })
      if (body.model === 'large' && largeIsDown) return Response.json({ error: { message: 'down' } }, { status: 503 })
      const question = body.messages.at(-1)?.content ?? ''
      const content = question.includes('refuse') ? 'I’m sorry, but I can’t help with that.' : `${body.model} says so`
      const logprob = Math.log(question.includes('unsure') ? 0.3 : 0.9)
      const logprobs = body.logprobs ? { content: [{ token: content, logprob, bytes: null, top_logprobs: [] }] } : null
      return Response.json({
        ...{ id: 'x', object: 'chat.completion', created: 0, model: body.model },
        choices: [{ index: 0, message: { role: 'assistant', content }, logprobs, finish_reason: 'stop' }],
        usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
      })
    },
  })
  const hosted = (model: string, usd: number) => ({
    ...{ kind: 'llm', provider: 'host', model, price: { input_per_million_usd: usd, output_per_million_usd: usd } },
    capabilities: { logprobs: true },
  })
  const place = createWorkplace(folder, {
    providers: { host: { kind: 'openai-compatible', base_url: `${upstream.url.origin}/v1` } },
    models: { small: hosted('small', 1), large: hosted('large', 100) },
    metrics: { solved: { type: 'boolean', level: 'subject', direction: 'increase' } },
    routes: {
      support: {
        retry: { attempts: 1 },
        variants: [
          { name: 'strong', model: 'large' },
          { name: 'cheap', model: 'small', weight_percent: 0 },
          {
            ...{ name: 'cascade', model: 'small', weight_percent: 0 },
            escalate: { model: 'large', min_confidence: 0.6, on: ['refusal'] },
          },
        ],
        rules: [
          { name: 'free tier', variant: 'cheap', when: { metadata: { tier: 'free' } } },
          { name: 'short spanish', variant: 'cascade', when: { language: ['es'], prompt_tokens: { max: 100 } } },
        ],
      },
    },
  })
  let server: ServerProcess
  let token = ''
  let client: OpenAI

  beforeAll(async () => {
    server = await place.start()
    token = JSON.parse(await readFile(join(folder, 'state', 'server.json'), 'utf8')).token
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 })
  }, 120_000)
  afterAll(async () => {
    server.signal('SIGTERM')
    await server.exited
    await upstream.stop(true)
    rmSync(folder, { recursive: true, force: true })
  })

  const ask = async (content: string, extra: object = {}, headers: Record<string, string> = {}) => {
    asked.length = 0
    const { data, response } = await client.chat.completions
      .create({ model: 'support', messages: [{ role: 'user', content }], ...extra }, { headers })
      .withResponse()
    const message = data.choices[0]?.message.content
    return {
      message,
      logprobs: data.choices[0]?.logprobs,
      variant: response.headers.get('x-weir-variant'),
      id: response.headers.get('x-request-id') ?? '',
      cost: response.headers.get('x-weir-cost'),
    }
  }
  const traceOf = (id: string) =>
    vi.waitFor(
      async () => {
        const response = await fetch(`${server.url}/admin/traces/${id}`, { headers: { authorization: `Bearer ${token}` } })
        expect(response.status).toBe(200)
        // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
        return (await response.json()) as any
      },
      { timeout: 5_000, interval: 100 },
    )

  test('the first rule that holds chooses, then the weights; the trace names the rule', async () => {
    expect((await ask('hello there, how are you today?')).variant).toBe('strong')
    const free = await ask('hello there', { metadata: { tier: 'free' } })
    expect(free).toMatchObject({ variant: 'cheap', message: 'small says so' })
    expect(await traceOf(free.id)).toMatchObject({ variant: 'cheap', rule: 'free tier', arm: null })
    expect((await ask('¿Dónde está mi pedido? No ha llegado todavía.')).variant).toBe('cascade')
    expect((await ask('¿Dónde está mi pedido? '.repeat(30))).variant).toBe('strong')
    // A pin is stronger than a rule.
    expect((await ask('hello', { metadata: { tier: 'free' } }, { 'x-weir-variant': 'strong' })).variant).toBe('strong')
  })

  const cascade = { 'x-weir-variant': 'cascade' }

  test('a sure answer is the small model’s, and shows no logprobs that nobody asked for', async () => {
    expect(await ask('a sure thing', {}, cascade)).toMatchObject({ message: 'small says so', cost: '0.000020000' })
    expect(asked).toEqual([{ model: 'small', logprobs: true }])
    const { logprobs } = await ask('a sure thing', { logprobs: true }, cascade)
    expect(logprobs?.content).toHaveLength(1)
  })

  test('an unsure answer or a refusal is thrown away for the large model’s, and costs both', async () => {
    const unsure = await ask('an unsure thing', {}, cascade)
    expect(unsure).toMatchObject({ message: 'large says so', cost: '0.002020000', variant: 'cascade' })
    expect(unsure.logprobs ?? null).toBeNull()
    const trace = await traceOf(unsure.id)
    expect(trace).toMatchObject({ model: 'large', status: 'ok', fell_back_from: [], escalation: { from: 'small', cost_usd: 0.00002 } })
    expect(trace.escalation.reason).toBe('confidence 0.300')
    expect((await traceOf((await ask('please refuse', {}, cascade)).id)).escalation.reason).toBe('refusal')
    expect(asked.map(({ model }) => model)).toEqual(['small', 'large'])
  })

  test('traces are found by the rule that decided, and by doubtful first answers', async () => {
    const listed = async (...options: string[]) => {
      const { out } = await place.run(['traces', 'list', '--json', ...options])
      return (JSON.parse(out) as { rule: string | null; escalation: { from: string } | null }[]).map(({ rule, escalation }) => [
        rule,
        escalation?.from,
      ])
    }
    expect(await listed('--rule', 'free tier')).toEqual([['free tier', undefined]])
    expect(await listed('--escalated', '--variant', 'cascade')).toEqual(Array(2).fill([null, 'small']))
    expect(await listed('--escalated', '--variant', 'strong')).toEqual([])
    const wrong = await place.run(['traces', 'list', '--arm', 'both'])
    expect(wrong.code).toBe(1)
    expect(wrong.notes).toContain('arm')
  })

  test('a stream shows one answer only', async () => {
    const stream = await client.chat.completions.create(
      { model: 'support', messages: [{ role: 'user', content: 'an unsure thing' }], stream: true },
      { headers: cascade },
    )
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe('large says so')
  })

  test('with the large model out of order the doubtful answer is better than none, and the trace says so', async () => {
    largeIsDown = true
    const answer = await ask('an unsure thing', {}, cascade)
    largeIsDown = false
    expect(answer.message).toBe('small says so')
    expect(await traceOf(answer.id)).toMatchObject({ model: 'small', fell_back_from: ['large'], status: 'ok' })
  })

  test('weir routes explain tells every rule and what decides', async () => {
    const { out } = await place.run(['routes', 'explain', 'support', '--subject', 'ann', '--metadata', 'tier=paid', '--json'])
    const explanation = JSON.parse(out)
    expect(explanation.rules.map(({ because }: { because: string }) => because)).toEqual([
      "metadata.tier is 'paid'",
      'the language cannot be told',
    ])
    expect(explanation.chosen).toMatchObject({ variant: 'strong', arm: null })
    const free = await place.run(['routes', 'explain', 'support', '--metadata', 'tier=free'])
    expect(free.out).toContain("cheap: the rule 'free tier' holds")
    expect((await place.run(['routes', 'explain', 'nowhere'])).code).toBe(1)
  }, 20_000)

  test('a session is the subject where no user is named, and its feedback finds its requests', async () => {
    const { id } = await ask('hello', {}, { 'x-weir-session': 'session-1' })
    expect((await traceOf(id)).subject).toBe('session-1')
    const named = await ask('hello', { user: 'ann' }, { 'x-weir-session': 'session-1' })
    expect((await traceOf(named.id)).subject).toBe('ann')
    const post = (body: object) =>
      fetch(`${server.url}/v1/feedback`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    expect((await post({ metric: 'solved', value: true, session: 'session-1' })).status).toBe(200)
    const response = await fetch(`${server.url}/admin/experiments/support`, { headers: { authorization: `Bearer ${token}` } })
    const { metrics } = (await response.json()) as { metrics: { variants: { name: string; n: number }[] }[] }
    expect(metrics[0]?.variants.find(({ name }) => name === 'strong')?.n).toBe(1)
  })
})
