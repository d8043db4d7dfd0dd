import { sql } from 'drizzle-orm'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { cached } from '../../src/cache/cached.ts'
import { memoryStore } from '../../src/cache/memory.ts'
import { type Checks, createChecks, type SemanticCheck } from '../../src/cache/semantic/checks.ts'
import { differenceOf } from '../../src/cache/semantic/guards.ts'
import { createNeighbours } from '../../src/cache/semantic/neighbours.ts'
import { createSemantic, type SemanticSettings } from '../../src/cache/semantic/semantic.ts'
import type { ChatMessage, ChatModel, ChatRequest } from '../../src/models/chat-model.ts'
import type { Embedder } from '../../src/models/embedder.ts'
import { readEvents, startGateway } from '../http/gateway.ts'
import { collect, everything, finish, observer, requestOf, text, textOf, usage } from '../models/scripted-model.ts'
import { bagOfWords } from '../support/bag-of-words.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

/** Says what it was asked, in pieces, and counts. */
const teller = (say: (question: string, call: number) => string = (question) => `answer to: ${question}`) => {
  const asked: string[] = []
  const model: ChatModel & { asked: string[] } = {
    id: 'teller',
    asked,
    capabilities: everything,
    async *stream({ input }) {
      const question = input.kind === 'chat' ? JSON.stringify(input.messages.at(-1)?.content) : input.prompt
      asked.push(question)
      yield text('Well: ')
      yield text(say(question, asked.length))
      yield finish
      yield usage
    },
  }
  return model
}

const user = (content: string): ChatMessage => ({ role: 'user', content })
const asking = (content: string, before: ChatMessage[] = []): ChatRequest['input'] => ({
  kind: 'chat',
  messages: [...before, user(content)],
})
const reset = ['How do I reset my password?', 'Please tell me how I can reset the password'] as const

describeDatabases('the semantic cache', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  beforeEach(async () => {
    await handle.db.execute(sql`truncate semantic_checks`)
  })

  const told = new Set<Checks>()
  const open = (options: { embedder?: Embedder; settings?: Partial<SemanticSettings>; maxWrong?: number; minChecks?: number } = {}) => {
    const now = { ms: 1_800_000_000_000 }
    const clock = () => now.ms
    const store = memoryStore({ maxBytes: 1_000_000, clock })
    const disabled: SemanticCheck[] = []
    const checks = createChecks({ db: handle.db, clock, everyMs: 20, onDisabled: (check) => disabled.push(check) })
    told.add(checks)
    const neighbours = createNeighbours({ maxBytes: 1_000_000 })
    const embedder = options.embedder ?? bagOfWords()
    const around = (model: ChatModel, variantHash = 'a') => {
      const { maxWrong = 0.02, minChecks = 50 } = options
      const settings = { minSimilarity: 0.6, waitMs: 500, checkShare: 0, minAnswerSimilarity: 0.5, ...options.settings }
      const watched = { variantHash, route: 'support', variant: variantHash, maxWrong, minChecks }
      const semantic = createSemantic({ store, neighbours, checks, watched, settings, embedder: () => embedder })
      return cached({ store, clock, variantHash, settings: { ttlMs: 3_600_000, staleMs: 0, requests: 'all' }, semantic })(model)
    }
    const close = async () => {
      told.delete(checks)
      await checks.close()
    }
    return { now, store, checks, disabled, around, [Symbol.asyncDispose]: close }
  }
  const ask = async (model: ChatModel, content: string, changes: Partial<ChatRequest> = {}) => {
    const { seen, observe } = observer()
    const startedMs = performance.now()
    const events = await collect(model.stream(requestOf({ input: asking(content), observe, ...changes })))
    const tookMs = performance.now() - startedMs
    const cache = seen.findLast((observation) => observation.type === 'cache')
    // What is remembered is remembered behind the answer's back, and hits begin once the database has told that they may.
    await Bun.sleep(5)
    for (const one of told) await one.list()
    return { events, text: textOf(events), status: cache?.status, similarity: cache?.similarity, tookMs }
  }

  test('gives the answer to the same question in other words, as a stream, and says how close it is', async () => {
    await using cache = open()
    const model = teller()
    const asked = cache.around(model)
    expect(await ask(asked, reset[0])).toMatchObject({ status: 'miss' })
    const found = await ask(asked, reset[1])
    expect(found).toMatchObject({ status: 'hit', text: 'Well: answer to: "How do I reset my password?"' })
    expect(found.similarity).toBeGreaterThan(0.6)
    expect(found.similarity).toBeLessThan(1)
    expect(found.events.at(-1)).toEqual(usage)
    expect((await ask(asked, reset[0])).similarity).toBeUndefined()
    expect(model.asked).toHaveLength(1)
  })

  test.each([
    ['Is smoking allowed in the lobby?', 'Is smoking not allowed in the lobby?'],
    ['Can I return shoes within 5 days?', 'Can I return shoes within 7 days?'],
    ['Does the shop in Berlin open on Sunday?', 'Does the shop in Munich open on Sunday?'],
    ['is it allowed to park in paris at night', 'is it allowed to park in london at night'],
  ])('"%s" is not "%s"', async (one, other) => {
    await using cache = open({ settings: { minSimilarity: 0.5 } })
    const model = cache.around(teller())
    await ask(model, one)
    expect(await ask(model, other)).toMatchObject({ status: 'miss', text: expect.stringContaining(other) })
  })

  describe('is never shared across', () => {
    const before: ChatMessage[] = [{ role: 'system', content: 'You work for the bank.' }]
    test.each<[string, Partial<ChatRequest>]>([
      ['tenants', { tenant: 'other' }],
      ['parameters', { sampling: { temperature: 0.5 } }],
      ['system messages', { input: asking(reset[1], before) }],
      ['conversations', { input: asking(reset[1], [user('hello'), { role: 'assistant', content: 'hi' }]) }],
      ['response formats', { responseFormat: { type: 'json-object' } }],
      ['namespaces', { cache: { mode: 'on', namespace: 'second' } }],
      ['names of users', { input: { kind: 'chat', messages: [{ role: 'user', content: reset[1], name: 'bob' }] } }],
    ])('%s', async (_, changes) => {
      await using cache = open()
      const model = cache.around(teller())
      await ask(model, reset[0])
      expect(await ask(model, reset[1], changes)).toMatchObject({ status: 'miss' })
      expect(await ask(model, reset[1])).toMatchObject({ status: 'hit' })
    })

    test('variants', async () => {
      await using cache = open()
      await ask(cache.around(teller(), 'a'), reset[0])
      expect(await ask(cache.around(teller(), 'b'), reset[1])).toMatchObject({ status: 'miss' })
    })
  })

  test.each<[string, Partial<ChatRequest>]>([
    ['that ask for the very same', { cache: { semantic: false } }],
    ['with tools', { tools: [{ name: 'clock' }] }],
    ['for several choices', { n: 2 }],
    ['for logprobs', { sampling: { topLogprobs: 1 } }],
    [
      'with images',
      {
        input: {
          kind: 'chat',
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: reset[1] },
                { type: 'image', url: 'data:' },
              ],
            },
          ],
        },
      },
    ],
    ['that want nothing old', { cache: { maxAgeS: 0 } }],
  ])('requests %s get no answer to another', async (_, changes) => {
    await using cache = open()
    const model = cache.around(teller())
    await ask(model, reset[0], { ...changes, input: asking(reset[0]) })
    expect((await ask(model, reset[1], changes)).status).toBe('miss')
  })

  test('an answer that is dropped or too old is not given', async () => {
    await using cache = open()
    const model = cache.around(teller())
    await ask(model, reset[0])
    await cache.store.drop('a')
    expect((await ask(model, reset[1])).status).toBe('miss')
    cache.now.ms += 3_600_000
    expect((await ask(model, reset[0])).status).toBe('miss')
  })

  describe('the embedder', () => {
    const slow = (ms: number): Embedder => ({
      ...bagOfWords(),
      embed: async (request) => Bun.sleep(ms).then(() => bagOfWords().embed(request)),
    })

    test('is waited for no longer than is set, and then not again for a while', async () => {
      await using cache = open({ embedder: slow(1_000), settings: { waitMs: 150 } })
      const model = cache.around(teller())
      await ask(model, reset[0])
      await Bun.sleep(1_050)
      const late = await ask(model, reset[1])
      expect(late.status).toBe('miss')
      expect(late.tookMs).toBeGreaterThan(140)
      expect(late.tookMs).toBeLessThan(800)
      let tookMs = 0
      for (let index = 1; index <= 5; index += 1) tookMs += (await ask(model, `${reset[1]} ${'please '.repeat(index)}`)).tookMs
      expect(tookMs).toBeLessThan(400)
    })

    test('may be away', async () => {
      const away: Embedder = {
        ...bagOfWords(),
        embed: async () => {
          throw new Error('away')
        },
      }
      await using cache = open({ embedder: away })
      const model = cache.around(teller())
      for (const question of reset) expect(await ask(model, question)).toMatchObject({ status: 'miss' })
    })

    test('is asked once for the same question that comes many times at once', async () => {
      let calls = 0
      const counting: Embedder = {
        ...bagOfWords(),
        embed: async (request) => {
          calls += 1
          return Bun.sleep(20).then(() => bagOfWords().embed(request))
        },
      }
      await using cache = open({ embedder: counting })
      const source = teller()
      const model = cache.around(source)
      await ask(model, reset[0])
      await Bun.sleep(40)
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(model, reset[1])))
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill('hit'))
      expect([calls, source.asked.length]).toEqual([2, 1])
    })
  })

  test('while nobody knows whether it was switched off, it gives nothing', async () => {
    const checks = createChecks({ db: handle.db, clock: Date.now, everyMs: 10_000 })
    const watched = { variantHash: 'a', route: 'r', variant: 'v', maxWrong: 0, minChecks: 1 }
    expect(checks.state(watched)).toBe('unknown')
    checks.note(watched, 'wrong')
    await checks.list()
    expect(checks.state(watched)).toBe('off')
    await checks.close()
    const insert = () => {
      throw new Error('away')
    }
    const away = createChecks({ db: { insert } as never, clock: Date.now })
    expect(away.state(watched)).toBe('unknown')
    await Bun.sleep(20)
    expect(away.state(watched)).toBe('unknown')
    await away.close()
  })

  describe('checks', () => {
    const settings = { checkShare: 1 }
    const questions = Array.from({ length: 8 }, (_, index) => `${reset[1]} ${'please '.repeat(index + 1)}`)
    /** Every hit so far was checked. */
    const settled = () =>
      vi.waitFor(async () => {
        for (const one of told) for (const { hits, checked } of await one.list()) expect(checked).toBe(hits)
      }, 5_000)

    test('ask the model behind the answer’s back, and keep what it says', async () => {
      await using cache = open({ settings })
      const source = teller(() => 'always the same')
      const model = cache.around(source)
      await ask(model, reset[0])
      expect(await ask(model, reset[1])).toMatchObject({ status: 'hit' })
      await settled()
      expect(source.asked).toHaveLength(2)
      const own = await ask(model, reset[1])
      expect([own.status, own.similarity]).toEqual(['hit', undefined])
      expect(await cache.checks.list()).toEqual([
        { variantHash: 'a', route: 'support', variant: 'a', hits: 1, checked: 1, wrong: 0, disabledAtMs: null },
      ])
    })

    test('switch it off on every replica when too many hits were wrong, until it is dropped', async () => {
      await using cache = open({ settings, maxWrong: 0.25, minChecks: 8 })
      await using other = open({ settings, maxWrong: 0.25, minChecks: 8 })
      const model = cache.around(teller((_, call) => `the limit is ${call} days`))
      await ask(model, reset[0])
      for (const question of questions) {
        await ask(model, question)
        await settled()
      }
      // More than a quarter of eight: at the third.
      const [check] = await cache.checks.list()
      expect(check).toMatchObject({ hits: 3, checked: 3, wrong: 3, disabledAtMs: expect.any(Number) })
      expect(cache.disabled).toHaveLength(1)
      expect(cache.checks.totals()).toEqual({ hits: 3, checked: 3, wrong: 3, disabled: 1 })
      const there = other.around(teller())
      await ask(there, reset[0])
      await settled()
      expect((await ask(there, reset[1])).status).toBe('miss')
      await cache.checks.forget('a')
      expect(await cache.checks.list()).not.toContainEqual(expect.objectContaining({ disabledAtMs: expect.any(Number) }))
    })

    test('happen for the share that is set', async () => {
      await using cache = open({ settings: { checkShare: 0 } })
      const source = teller()
      const model = cache.around(source)
      await ask(model, reset[0])
      for (const question of questions) expect((await ask(model, question)).status).toBe('hit')
      await Bun.sleep(80)
      expect(source.asked).toHaveLength(1)
      expect(await cache.checks.list()).toMatchObject([{ hits: 8, checked: 0, wrong: 0 }])
    })
  })

  test('over HTTP a hit is told by headers and in the trace, costs nothing, and is streamed to whoever wants a stream', async () => {
    await using cache = open()
    await using gateway = startGateway({ models: [cache.around(teller())] })
    const post = (content: string, changes: object = {}) =>
      gateway.post('/v1/chat/completions', { model: 'teller', messages: [{ role: 'user', content }], ...changes })
    await (await post(reset[0])).text()
    await Bun.sleep(10)
    await cache.checks.list()
    const whole = await post(reset[1])
    expect(whole.headers.get('x-weir-cache')).toBe('hit')
    const similarity = whole.headers.get('x-weir-cache-similarity')
    expect(Number(similarity)).toBeGreaterThan(0.6)
    expect(whole.headers.get('x-weir-cost')).toBe('0.000000000')
    const streamed = await post(reset[1], { stream: true })
    expect(streamed.headers.get('x-weir-cache-similarity')).toBe(similarity)
    const events = readEvents(await streamed.text())
    expect(events.map((event) => event.choices?.[0]?.delta?.content ?? '').join('')).toContain('How do I reset')
    expect(events.at(-1)).toBe('[DONE]')
    expect(gateway.traces.at(-1)).toMatchObject({ cache: 'hit', costUsd: 0, metadata: { cache_similarity: similarity } })
    expect((await post(reset[1], { weir: { cache: { semantic: false } } })).headers.get('x-weir-cache')).toBe('miss')
    expect((await post(reset[1], { weir: { cache: { semantic: true } } })).status).toBe(400)
  })
})

test('questions stay within their bytes, and those used longest ago go first', () => {
  const neighbours = createNeighbours({ maxBytes: 10_000, maxPerPlace: 3 })
  const vector = new Float32Array([1, 0])
  for (let index = 0; index < 100; index += 1) neighbours.add(`place ${index}`, { digest: String(index), text: 'x'.repeat(100), vector })
  expect(neighbours.bytes).toBeLessThanOrEqual(10_000)
  expect([neighbours.has('place 0'), neighbours.has('place 99')]).toEqual([false, true])
  for (let index = 0; index < 5; index += 1) neighbours.add('one', { digest: String(index), text: '', vector })
  expect(
    neighbours
      .near('one', vector, 0.9)
      .map(({ neighbour }) => neighbour.digest)
      .sort(),
  ).toEqual(['2', '3', '4'])
})

test('a question made to keep the guards busy does not', () => {
  const startedMs = performance.now()
  for (const hostile of ['"a'.repeat(1000), "a'".repeat(1000), '1,'.repeat(1000), 'A.'.repeat(1000), 'a '.repeat(1000)])
    differenceOf(hostile, `${hostile} b`)
  expect(performance.now() - startedMs).toBeLessThan(1_000)
})
