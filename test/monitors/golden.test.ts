import { beforeEach, expect, test } from 'vitest'
import { createAnswer } from '../../src/answer/answer.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { openAiCompatible } from '../../src/models/providers/openai-compatible.ts'
import { alertEvents, listAlerts, openAlert } from '../../src/monitors/alerts.ts'
import { type GoldenDeps, replayNow, replayWhenDue } from '../../src/monitors/golden.ts'
import { readGolden } from '../../src/monitors/golden-report.ts'
import { readGoldenSet } from '../../src/monitors/golden-set.ts'
import { compareReplay } from '../../src/monitors/replay.ts'
import { rollUp } from '../../src/monitors/roll-up.ts'
import { routeTable } from '../../src/rollout/route.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { startFaultyUpstream } from '../support/faulty-upstream.ts'
import { dayMs, hash, hourMs, minuteMs, planOf, serve } from './traffic.ts'

const questions = Array.from({ length: 12 }, (_, index) =>
  JSON.stringify({ id: `q${index}`, prompt: `What is the answer to question ${index}?` }),
)

describeDatabases('the golden set', (makeDatabase) => {
  let database: TestDatabase
  let nowMs = dayMs
  beforeEach(async () => {
    database = await makeDatabase()
    nowMs = dayMs
  })
  const plan = planOf({ golden: { file: 'golden.jsonl', everyMs: 24 * hourMs, embedder: null, tolerance: 0.05 } })
  const signal = new AbortController().signal

  /** A host whose answers and name the test tells. */
  const host = async () => {
    const says = { model: 'm-1', failing: false, answer: (asked: string) => `The answer to "${asked}" is written on page ${asked.length}.` }
    const upstream = await startFaultyUpstream(({ json, request: { body } }) => {
      if (says.failing) return json({ error: { message: 'overloaded', type: 'server_error' } }, 500)
      const content = says.answer(body.messages.at(-1).content)
      json({
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: says.model,
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 },
      })
    })
    const model = openAiCompatible({ id: 'chat', baseUrl: upstream.url, apiKey: undefined, headers: {}, model: 'm' })
    const variant = { name: 'a', weightPercent: 100, model: 'chat', defaults: {}, hash }
    const routes = routeTable([{ name: 'support', seed: 's', variants: [variant] }], [])
    const traces: Trace[] = []
    const answer = createAnswer({
      routes: () => routes,
      modelOf: () => model,
      record: (trace) => traces.push(trace),
      cost: () => 0,
      keepPayload: () => true,
    })
    const deps: GoldenDeps = {
      ...{ db: database.db, clock: () => nowMs, answer, embedderOf: () => undefined },
      readFile: async () => questions.join('\n'),
      variantOf: () => variant,
    }
    return { says, upstream, traces, deps, [Symbol.asyncDispose]: () => upstream.close() }
  }

  test('is asked first twice, then in its time, as replays that are no traffic', async () => {
    await using at = await host()
    const baseline = await replayWhenDue(at.deps, plan, signal)
    expect(baseline).toMatchObject({ status: 'completed', reason: 'the first time', answered: 12, moved: null, knownModels: ['m-1'] })
    expect(at.upstream.requests).toHaveLength(24)
    expect(new Set(at.traces.map(({ purpose }) => purpose))).toEqual(new Set(['replay']))
    expect(await replayWhenDue(at.deps, plan, signal)).toBeUndefined()
    nowMs += 24 * hourMs
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({
      reason: 'in its time',
      exactShare: 1,
      similarity: 1,
      moved: false,
      baselineId: baseline?.id,
    })
    expect((await readGolden(database.db, 'support', hash, {})).state).toBe('stable')
  })

  test('that is answered otherwise is asked again at once, and two in a row open an alert that the old answers resolve', async () => {
    await using at = await host()
    const usual = at.says.answer
    await replayWhenDue(at.deps, plan, signal)
    at.says.answer = () => 'No idea. Mail bob@example.org.'
    nowMs += 24 * hourMs
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({ moved: true, exactShare: 0 })
    expect(await listAlerts(database.db, { limit: 5 })).toEqual([])
    nowMs += minuteMs
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({ reason: 'answers moved: once more to be sure', moved: true })
    const [alert] = await listAlerts(database.db, { limit: 5 })
    expect(alert).toMatchObject({ signal: 'golden_set', tag: 'quality', state: 'open', windowId: null })
    expect(await replayWhenDue(at.deps, plan, signal)).toBeUndefined()
    const { state, changed } = await readGolden(database.db, 'support', hash, {})
    expect(state).toBe('moved')
    expect(changed[0]).toMatchObject({ now: 'No idea. Mail [email].', before: expect.stringContaining('is written on page') })
    at.says.answer = usual
    await replayNow(at.deps, plan, { actor: 'ann', reason: 'they say it is repaired' }, signal)
    expect((await alertEvents(database.db, alert?.id ?? '')).map(({ kind }) => kind)).toEqual(['open', 'resolve'])
  })

  test('of a model that varies is compared with how much it varies', async () => {
    await using at = await host()
    const random = seededRandom(20_261_127)
    at.says.answer = (asked) => `${asked} ${['You will find it.', 'It is easy to find!', 'Look on page one.'][Math.floor(3 * random())]}`
    await replayWhenDue(at.deps, plan, signal)
    nowMs += 24 * hourMs
    const replay = await replayWhenDue(at.deps, plan, signal)
    expect(replay?.exactShare).toBeLessThan(1)
    expect(replay?.moved).toBe(false)
  })

  test('is asked when a host names another model in live answers, once', async () => {
    await using at = await host()
    await replayWhenDue(at.deps, plan, signal)
    nowMs += 10 * minuteMs
    const live = async (upstreamModel: string) => {
      await serve(database.db, { fromMs: nowMs, toMs: nowMs + minuteMs, count: 5, each: () => ({ upstreamModel }) })
      nowMs += 2 * minuteMs
      await database.db.transaction((tx) => rollUp(tx, { route: 'support', nowMs, latenessMs: 0, embed: false }))
    }
    await live('m-1')
    expect(await replayWhenDue(at.deps, plan, signal)).toBeUndefined()
    await live('m-2')
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({
      reason: 'a host names the model m-2 now',
      moved: false,
      knownModels: ['m-1', 'm-2'],
    })
    await live('m-2')
    expect(await replayWhenDue(at.deps, plan, signal)).toBeUndefined()
  })

  test('is asked when an alert is opened, to tell who changed', async () => {
    await using at = await host()
    await replayWhenDue(at.deps, plan, signal)
    nowMs += hourMs
    const alert = { route: 'support', variant: 'a', variantHash: hash, signal: 'prompt_tokens', tag: 'data', windowId: null } as const
    await openAlert(database.db, alert, { actor: 'monitor', note: null, detail: null, nowMs })
    nowMs += minuteMs
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({ reason: 'to tell who changed: prompt_tokens drifts', moved: false })
    expect(await replayWhenDue(at.deps, plan, signal)).toBeUndefined()
  })

  test('that gets no answers says nothing of them, and is asked again later', async () => {
    await using at = await host()
    await replayWhenDue(at.deps, plan, signal)
    at.says.failing = true
    nowMs += 24 * hourMs
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({ status: 'failed', moved: null, error: expect.any(String) })
    expect(await replayWhenDue(at.deps, plan, signal)).toBeUndefined()
    expect((await readGolden(database.db, 'support', hash, {})).state).toBe('unknown')
    at.says.failing = false
    nowMs += hourMs + 1
    expect(await replayWhenDue(at.deps, plan, signal)).toMatchObject({ reason: 'the one before failed', moved: false })
  })
})

test('a few answers that changed by chance are no move, all of them are', () => {
  const outputs = (similarity: (index: number) => number) =>
    Array.from({ length: 20 }, (_, index) => ({ caseId: `${index}`, output: '', similarity: similarity(index) }))
  const steady = outputs(() => 1)
  expect(
    compareReplay(
      steady,
      outputs((index) => (index === 0 ? 0.2 : 1)),
      0.02,
    ).moved,
  ).toBe(false)
  expect(
    compareReplay(
      steady,
      outputs(() => 0.7),
      0.05,
    ),
  ).toMatchObject({ moved: true, similarity: expect.closeTo(0.7) })
  // Significant, but nothing to wake anybody for.
  expect(
    compareReplay(
      steady,
      outputs(() => 0.99),
      0.05,
    ).moved,
  ).toBe(false)
})

test.each([
  ['{', 'golden.jsonl:1: not valid JSON'],
  ['{"id": "a"}', 'golden.jsonl:1: give either messages or prompt'],
  ['{"id": "a", "prompt": "x"}\n\n{"id": "b", "prompt": "x", "tone": 1}', 'golden.jsonl:3'],
  ['{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}', 'two questions are called a'],
  ['', 'golden.jsonl has no questions'],
])('a golden set of %j is refused at its line', (text, message) => {
  expect(() => readGoldenSet(text, 'golden.jsonl')).toThrow(message)
})
