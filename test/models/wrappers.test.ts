import { describe, expect, test } from 'vitest'
import { AppError, type ErrorCode } from '../../src/lib/errors.ts'
import { type BalanceOptions, balance } from '../../src/models/balance.ts'
import { type BreakerState, createBreaker } from '../../src/models/breaker.ts'
import { circuitBreaker } from '../../src/models/circuit-breaker.ts'
import { fallback } from '../../src/models/fallback.ts'
import { limit } from '../../src/models/limit.ts'
import { retry, retryWaitMs } from '../../src/models/retry.ts'
import { structuredOutput } from '../../src/models/structured-output.ts'
import { timeouts } from '../../src/models/timeouts.ts'
import { wrap } from '../../src/models/wrap.ts'
import { answer, collect, everything, failing, finish, observer, requestOf, scripted, text, textOf, usage } from './scripted-model.ts'

const failure = (code: ErrorCode = 'upstream_failed', retryAfterMs?: number) => new AppError(code, `it is ${code}`, { retryAfterMs })

describe('retry', () => {
  const options = { attempts: 3, baseMs: 4, maxMs: 50, random: () => 0.5 }

  test('tries again until the model answers', async () => {
    const model = scripted('m', [failure()], [failure('timeout')], answer('hi'))
    const { seen, observe } = observer()
    expect(textOf(await collect(retry(options)(model).stream(requestOf({ observe }))))).toBe('hi')
    expect(seen).toEqual([1, 2, 3].map((attempt) => ({ type: 'attempt', modelId: 'm', attempt })))
  })
  test('gives up after its attempts with the last error', async () => {
    const model = scripted('m', [failure()], [failure()], [failure('timeout')], answer('late'))
    expect((await failing(retry(options)(model).stream(requestOf()))).error).toMatchObject({ code: 'timeout' })
    expect(model.calls).toHaveLength(3)
  })
  test('never after the first event', async () => {
    const model = scripted('m', [text('Hel'), failure()], answer('hi'))
    const { events } = await failing(retry(options)(model).stream(requestOf()))
    expect(textOf(events)).toBe('Hel')
    expect(model.calls).toHaveLength(1)
  })
  for (const code of [
    'invalid_request',
    'upstream_rejected',
    'content_filtered',
    'context_length_exceeded',
    'not_found',
    'aborted',
  ] as const) {
    test(`never for ${code}`, async () => {
      const model = scripted('m', [failure(code)], answer('hi'))
      expect((await failing(retry(options)(model).stream(requestOf()))).error).toMatchObject({ code })
      expect(model.calls).toHaveLength(1)
    })
  }
  test('waits longer each time, with full jitter, up to the cap', () => {
    const waits = [1, 2, 3, 4].map((attempt) =>
      retryWaitMs(attempt, failure(), { attempts: 9, baseMs: 100, maxMs: 300, random: () => 0.5 }),
    )
    expect(waits).toEqual([50, 100, 150, 150])
  })
  test("waits out the host's delay, and hands the caller one that is past the cap", () => {
    expect(retryWaitMs(1, failure('rate_limited', 40), options)).toBe(40)
    expect(retryWaitMs(1, failure('rate_limited', 51), options)).toBeUndefined()
  })
  test('an abort ends the wait at once', async () => {
    const controller = new AbortController()
    const model = scripted('m', [failure('rate_limited', 5000)], answer('hi'))
    const stopped = failing(retry({ ...options, maxMs: 10_000 })(model).stream(requestOf({ signal: controller.signal })))
    const sinceMs = performance.now()
    setTimeout(() => controller.abort(), 20)
    expect((await stopped).error).toMatchObject({ code: 'aborted' })
    expect(performance.now() - sinceMs).toBeLessThan(500)
  })
})

describe('fallback', () => {
  test('moves to the next model before the first event, and says so', async () => {
    const { seen, observe } = observer()
    const model = fallback([
      scripted('a', [failure('timeout')]),
      scripted('b', [failure('upstream_rejected')]),
      scripted('c', answer('hi')),
    ])
    expect(textOf(await collect(model.stream(requestOf({ observe }))))).toBe('hi')
    expect(seen).toEqual([
      { type: 'fell-back', from: 'a', to: 'b', code: 'timeout' },
      { type: 'fell-back', from: 'b', to: 'c', code: 'upstream_rejected' },
    ])
  })
  test('never after the first event', async () => {
    const second = scripted('b', answer('hi'))
    const { events, error } = await failing(fallback([scripted('a', [text('Hel'), failure()]), second]).stream(requestOf()))
    expect(textOf(events)).toBe('Hel')
    expect(error).toMatchObject({ code: 'upstream_failed' })
    expect(second.calls).toHaveLength(0)
  })
  test('never for a request that is wrong everywhere', async () => {
    const second = scripted('b', answer('hi'))
    expect((await failing(fallback([scripted('a', [failure('invalid_request')]), second]).stream(requestOf()))).error).toMatchObject({
      code: 'invalid_request',
    })
    expect(second.calls).toHaveLength(0)
  })
  test('ends with the error of the last model', async () => {
    const model = fallback([scripted('a', [failure('timeout')]), scripted('b', [failure('rate_limited', 7)])])
    expect((await failing(model.stream(requestOf()))).error).toMatchObject({ code: 'rate_limited', retryAfterMs: 7 })
  })
  test('passes over a model that cannot do what is asked', async () => {
    const small = { ...scripted('small', answer('no')), capabilities: { ...everything, tools: false } }
    const model = fallback([small, scripted('big', answer('yes'))])
    expect(model.capabilities.tools).toBe(true)
    expect(textOf(await collect(model.stream(requestOf({ tools: [{ name: 'f' }] }))))).toBe('yes')
    expect(textOf(await collect(model.stream(requestOf())))).toBe('no')
  })
  test('refuses what no model can do, naming the parameter', async () => {
    const small = { ...scripted('small', answer('no')), capabilities: { ...everything, seed: false } }
    expect((await failing(fallback([small]).stream(requestOf({ sampling: { seed: 1 } })))).error).toMatchObject({
      code: 'unsupported_parameter',
      param: 'seed',
    })
  })
  test('a prompt too long for one model goes on to a roomier one only', async () => {
    const small = { ...scripted('small', [failure('context_length_exceeded')]), capabilities: { ...everything, contextTokens: 100 } }
    const roomy = { ...scripted('roomy', answer('fits')), capabilities: { ...everything, contextTokens: 200 } }
    expect(textOf(await collect(fallback([small, roomy]).stream(requestOf())))).toBe('fits')
    expect((await failing(fallback([small, { ...roomy, capabilities: small.capabilities }]).stream(requestOf()))).error).toMatchObject({
      code: 'context_length_exceeded',
    })
  })
  test('does not move on when the caller has left', async () => {
    const controller = new AbortController()
    const second = scripted('b', answer('hi'))
    const stopped = failing(fallback([scripted('a', [{ waitMs: 5000 }]), second]).stream(requestOf({ signal: controller.signal })))
    controller.abort()
    await stopped
    expect(second.calls).toHaveLength(0)
  })
})

describe('timeouts', () => {
  const slow = (...steps: Parameters<typeof scripted>[1][]) => scripted('slow', ...steps)

  test('name the first token', async () => {
    const { events, error } = await failing(timeouts({ firstTokenMs: 30, idleMs: 5000 })(slow([{ waitMs: 5000 }])).stream(requestOf()))
    expect(events).toEqual([])
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('no first token within 30 ms') })
  })
  test('name the pause between tokens', async () => {
    const model = slow([text('Hel'), { waitMs: 5000 }])
    const { events, error } = await failing(timeouts({ firstTokenMs: 5000, idleMs: 30 })(model).stream(requestOf()))
    expect(textOf(events)).toBe('Hel')
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('nothing more within 30 ms') })
    expect(model.calls[0]).toMatchObject({ closed: true, request: { signal: { aborted: true } } })
  })
  test('name the total, however lively the stream', async () => {
    const words = Array.from({ length: 100 }, () => [text('w'), { waitMs: 10 }]).flat()
    const { error } = await failing(timeouts({ idleMs: 1000, totalMs: 60 })(slow(words)).stream(requestOf()))
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('did not finish its answer within 60 ms') })
  })
  test('name the connection, which ends when the host accepts it', async () => {
    const connecting = (connectedAfterMs: number) => ({
      ...scripted('m'),
      async *stream(request: ReturnType<typeof requestOf>) {
        request.observe?.({ type: 'connecting' })
        await Bun.sleep(connectedAfterMs)
        request.observe?.({ type: 'connected' })
        await Bun.sleep(60)
        yield* [text('hi'), finish, usage]
      },
    })
    const { error } = await failing(timeouts({ connectMs: 40 })(connecting(5000)).stream(requestOf()))
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('not connected within 40 ms') })
    expect(textOf(await collect(timeouts({ connectMs: 40 })(connecting(1)).stream(requestOf())))).toBe('hi')
  })
  test('hold over a model that ignores its signal', async () => {
    const deaf = {
      ...scripted('deaf'),
      async *stream() {
        await Bun.sleep(3000)
        yield text('late')
      },
    }
    const sinceMs = performance.now()
    expect((await failing(timeouts({ firstTokenMs: 30 })(deaf).stream(requestOf()))).error).toMatchObject({ code: 'timeout' })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    expect((await failing(timeouts({})(deaf).stream(requestOf({ signal: controller.signal })))).error).toMatchObject({ code: 'aborted' })
    expect(performance.now() - sinceMs).toBeLessThan(1000)
  })
  test('do not count the time that the caller takes', async () => {
    const events = []
    for await (const event of timeouts({ idleMs: 40 })(slow(answer('hi'))).stream(requestOf())) {
      events.push(event)
      await Bun.sleep(60)
    }
    expect(events).toHaveLength(3)
  })
  test('let a whole answer take its time up to the total', async () => {
    const model = slow([{ waitMs: 80 }, ...answer('hi')])
    expect(
      textOf(await collect(timeouts({ firstTokenMs: 20, idleMs: 20, totalMs: 2000 })(model).stream(requestOf({ incremental: false })))),
    ).toBe('hi')
  })
  test('inside retry bound an attempt, outside they bound the request', async () => {
    const model = slow([{ waitMs: 5000 }], answer('hi'))
    const stack = wrap(model, timeouts({ totalMs: 2000 }), retry({ attempts: 2, baseMs: 1, maxMs: 5 }), timeouts({ firstTokenMs: 30 }))
    expect(textOf(await collect(stack.stream(requestOf())))).toBe('hi')
  })
  test('stop the model when the caller stops reading', async () => {
    const model = slow([text('a'), text('b'), { waitMs: 5000 }])
    for await (const _event of timeouts({ idleMs: 1000 })(model).stream(requestOf())) break
    expect(model.calls[0]).toMatchObject({ closed: true })
  })
})

describe('the circuit breaker', () => {
  const setUp = () => {
    const time = { ms: 0 }
    const states: BreakerState[] = []
    const options = { failureRatio: 0.5, minCalls: 4, windowMs: 1000, cooldownMs: 500 }
    const breaker = createBreaker(
      options,
      () => time.ms,
      (state) => states.push(state),
    )
    const call = async (...script: Parameters<typeof scripted>[1]) => {
      const model = scripted('m', script)
      const outcome = await collect(circuitBreaker(breaker)(model).stream(requestOf())).then(
        () => 'ok',
        (error: AppError) => error.code,
      )
      return model.calls.length === 0 ? 'kept away' : outcome
    }
    return { time, states, breaker, call }
  }
  const fail = [failure()]

  test('opens at the failure ratio, once enough calls are seen', async () => {
    const { breaker, call, states } = setUp()
    await call(...answer('hi'))
    await call(...answer('hi'))
    await call(...fail)
    expect(breaker.state()).toBe('closed')
    await call(...fail)
    expect(breaker.state()).toBe('open')
    expect(await call(...answer('hi'))).toBe('kept away')
    expect(states).toEqual(['open'])
  })
  test('says how long it rests', async () => {
    const { breaker, call, time } = setUp()
    for (let count = 0; count < 4; count += 1) await call(...fail)
    time.ms += 200
    const { error } = await failing(circuitBreaker(breaker)(scripted('m', answer('hi'))).stream(requestOf()))
    expect(error).toMatchObject({ code: 'unavailable', retryAfterMs: 300 })
  })
  test('lets one probe through after the cool-down, which closes it or opens it again', async () => {
    const { breaker, call, time, states } = setUp()
    for (let count = 0; count < 4; count += 1) await call(...fail)
    time.ms += 500
    expect(await call(...fail)).toBe('upstream_failed')
    expect(breaker.state()).toBe('open')
    time.ms += 500
    const probe = call({ waitMs: 30 }, ...answer('hi'))
    expect(await call(...answer('hi'))).toBe('kept away')
    expect(await probe).toBe('ok')
    expect(breaker.state()).toBe('closed')
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
  })
  test('forgets what is older than its window', async () => {
    const { breaker, call, time } = setUp()
    for (let count = 0; count < 3; count += 1) await call(...fail)
    time.ms += 1100
    await call(...fail)
    expect(breaker.state()).toBe('closed')
  })
  test('counts a failure midway, but neither a wrong request nor a busy host nor an abort', async () => {
    const { breaker, call } = setUp()
    for (const code of ['invalid_request', 'rate_limited', 'queue_full', 'aborted'] as const) {
      for (let count = 0; count < 5; count += 1) await call(failure(code))
    }
    expect(breaker.state()).toBe('closed')
    for (let count = 0; count < 5; count += 1) await call(text('Hel'), failure())
    expect(breaker.state()).toBe('open')
  })
  test('a caller that stops reading during the probe leaves room for the next probe', async () => {
    const { breaker, call, time } = setUp()
    for (let count = 0; count < 4; count += 1) await call(...fail)
    time.ms += 500
    for await (const _event of circuitBreaker(breaker)(scripted('m', answer('hi'))).stream(requestOf())) break
    expect(breaker.state()).toBe('half-open')
    expect(await call(...answer('hi'))).toBe('ok')
  })
})

describe('balance', () => {
  const spread = (options: BalanceOptions, weights: number[], resting: number[] = []) => {
    const models = weights.map((_, index) => scripted(`d${index}`, answer(`d${index}`)))
    const deployments = models.map((model, index) => ({ model, weight: weights[index]!, available: () => !resting.includes(index) }))
    return { models, model: balance('many', deployments, options) }
  }
  /** Mulberry32. */
  const seeded = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  test('draws by weight', async () => {
    const { model, models } = spread({ strategy: 'weighted', random: seeded(1) }, [3, 1])
    for (let count = 0; count < 1000; count += 1) await collect(model.stream(requestOf()))
    expect(models[0]!.calls.length).toBeGreaterThan(700)
    expect(models[0]!.calls.length).toBeLessThan(800)
    expect(model.id).toBe('many')
  })
  test('takes the least busy for its weight', async () => {
    const models = [2, 1].map((_, index) => scripted(`d${index}`, [text('a'), { waitMs: 5000 }]))
    const model = balance(
      'many',
      [
        { model: models[0]!, weight: 2 },
        { model: models[1]!, weight: 1 },
      ],
      { strategy: 'least_busy' },
    )
    const open = []
    for (let count = 0; count < 9; count += 1) {
      const stream = model.stream(requestOf())[Symbol.asyncIterator]()
      await stream.next()
      open.push(stream)
    }
    expect(models.map((one) => one.calls.length)).toEqual([6, 3])
    for (const stream of open) await stream.return?.()
    expect(models.flatMap((one) => one.calls).every((call) => call.closed)).toBe(true)
  })
  test('passes over a resting deployment, unless all rest', async () => {
    const some = spread({ strategy: 'weighted', random: seeded(2) }, [1, 1], [0])
    for (let count = 0; count < 20; count += 1) await collect(some.model.stream(requestOf()))
    expect(some.models.map((model) => model.calls.length)).toEqual([0, 20])
    const all = spread({ strategy: 'weighted' }, [1, 1], [0, 1])
    expect(await collect(all.model.stream(requestOf()))).toHaveLength(3)
  })
  test('moves on to another deployment when one fails before its first event', async () => {
    const models = [scripted('bad', [failure()]), scripted('good', answer('hi'))]
    const model = balance(
      'many',
      models.map((one, index) => ({ model: one, weight: index === 0 ? 1e9 : 1 })),
      { strategy: 'weighted' },
    )
    expect(textOf(await collect(model.stream(requestOf())))).toBe('hi')
  })
})

describe('limit', () => {
  const open = async (model: ReturnType<typeof scripted>, request = requestOf()) => {
    const stream = model.stream(request)[Symbol.asyncIterator]()
    await stream.next()
    return stream
  }
  const limited = (concurrency: number, maxQueue: number) => {
    const model = scripted('m', answer('hi'))
    return { ...limit({ concurrency, maxQueue })(model), calls: model.calls }
  }

  test('lets the next in when one leaves, in order, and reports the wait', async () => {
    const model = limited(1, 2)
    const first = await open(model)
    const { seen, observe } = observer()
    const done: string[] = []
    const second = collect(model.stream(requestOf({ observe }))).then(() => done.push('second'))
    const third = collect(model.stream(requestOf())).then(() => done.push('third'))
    await Bun.sleep(20)
    expect(model.calls).toHaveLength(1)
    await first.return?.()
    await Promise.all([second, third])
    expect(done).toEqual(['second', 'third'])
    expect(seen).toEqual([{ type: 'queued', ms: expect.any(Number) }])
  })
  test('refuses what the queue cannot hold', async () => {
    const model = limited(1, 0)
    const first = await open(model)
    expect((await failing(model.stream(requestOf()))).error).toMatchObject({ code: 'queue_full', retryAfterMs: 1000 })
    await first.return?.()
    expect(await collect(model.stream(requestOf()))).toHaveLength(3)
  })
  test('a caller that leaves the queue gives up its place', async () => {
    const model = limited(1, 1)
    const first = await open(model)
    const controller = new AbortController()
    const waiting = failing(model.stream(requestOf({ signal: controller.signal })))
    controller.abort()
    expect((await waiting).error).toMatchObject({ code: 'aborted' })
    const next = collect(model.stream(requestOf()))
    await first.return?.()
    expect(await next).toHaveLength(3)
  })
  test('never has more at the model than allowed', async () => {
    let most = 0
    let now = 0
    const counting = {
      ...scripted('m'),
      async *stream() {
        now += 1
        most = Math.max(most, now)
        try {
          await Bun.sleep(1)
          yield text('a')
        } finally {
          now -= 1
        }
      },
    }
    const model = limit({ concurrency: 3, maxQueue: 1000 })(counting)
    await Promise.all(Array.from({ length: 60 }, () => collect(model.stream(requestOf()))))
    expect({ most, now }).toEqual({ most: 3, now: 0 })
  })
})

describe('structured output', () => {
  const schema = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'], additionalProperties: false }
  const strict = { type: 'json-schema', name: 'n', schema, strict: true } as const

  test('passes on what matches', async () => {
    const model = structuredOutput(scripted('m', answer('{"n":1}')))
    expect(await collect(model.stream(requestOf({ responseFormat: strict })))).toHaveLength(3)
  })
  test('a stream that breaks its schema never finishes', async () => {
    const { events, error } = await failing(
      structuredOutput(scripted('m', answer('{"n":0}'))).stream(requestOf({ responseFormat: strict })),
    )
    expect(events).toEqual([text('{"n":0}')])
    expect(error).toMatchObject({ code: 'upstream_failed', cause: { message: '/n must be >= 1' } })
  })
  test('a whole answer that breaks its schema is tried again', async () => {
    const model = scripted('m', answer('not json'), answer('{"n":2}'))
    const stack = wrap(model, retry({ attempts: 2, baseMs: 1, maxMs: 1 }), structuredOutput)
    expect(textOf(await collect(stack.stream(requestOf({ responseFormat: strict, incremental: false }))))).toBe('{"n":2}')
  })
  test('an answer cut at its limit may be half a document', async () => {
    const cut = [text('{"n":'), { type: 'finish', choice: 0, reason: 'length' } as const]
    expect(await collect(structuredOutput(scripted('m', cut)).stream(requestOf({ responseFormat: strict })))).toHaveLength(2)
  })
  test('json_object asks for JSON of any kind', async () => {
    const responseFormat = { type: 'json-object' } as const
    expect(await collect(structuredOutput(scripted('m', answer('{"a":[]}'))).stream(requestOf({ responseFormat })))).toHaveLength(3)
    await failing(structuredOutput(scripted('m', answer('Sure! {}'))).stream(requestOf({ responseFormat })))
  })
  test('a schema that is none is the fault of the request', async () => {
    const responseFormat = { ...strict, schema: { type: 'nonsense' } }
    const { error } = await failing(structuredOutput(scripted('m', answer('{}'))).stream(requestOf({ responseFormat })))
    expect(error).toMatchObject({ code: 'invalid_request', param: 'response_format.json_schema.schema' })
  })
  test('a pattern written to backtrack stops nothing', async () => {
    const evil = { type: 'string', pattern: '^(a+)+$' }
    const model = structuredOutput(scripted('m', answer(JSON.stringify(`${'a'.repeat(40)}!`))))
    const sinceMs = performance.now()
    await collect(model.stream(requestOf({ responseFormat: { ...strict, schema: evil } })))
    expect(performance.now() - sinceMs).toBeLessThan(500)
  })
})
