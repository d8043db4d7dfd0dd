import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetCommands } from '../../src/cli/datasets.ts'
import { listAuditEvents } from '../../src/db/audit.ts'
import { onlineScores } from '../../src/db/schema/online-scores.ts'
import { readStoredCases } from '../../src/evals/stored-cases.ts'
import { readSuite } from '../../src/evals/suite-file.ts'
import { createFeedback } from '../../src/feedback/feedback.ts'
import { datasetRoutes } from '../../src/http/admin/datasets.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { adminApp, runCli } from '../support/admin-app.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'

describeDatabases('datasets from production', (makeDatabase) => {
  const nowMs = Date.parse('2026-11-20T12:00:00Z')
  const folder = mkdtempSync(join(tmpdir(), 'weir-datasets-'))
  let database: TestDatabase
  let weir: (...words: string[]) => ReturnType<typeof runCli>
  const asked = (content: string, answer: string, more: Partial<Trace> = {}): Trace =>
    aTrace({
      startedAtMs: nowMs - 3_600_000,
      ...more,
      payload: {
        input: {
          kind: 'chat',
          messages: [
            { role: 'developer', content: 'Be kind.' },
            { role: 'user', content },
          ],
        },
        output: [{ text: answer, toolCalls: [] }],
      },
    })
  const insert = (traces: Trace[]) =>
    insertTraces(
      database.db,
      traces.map((trace) => JSON.stringify(trace)),
    )
  const bad = asked('Where is my order? Write to ann@example.com', 'No idea, call +44 20 7946 0958.')
  const good = asked('Opening hours?', 'Nine to five.', { metadata: { team: 'red' } })

  beforeAll(async () => {
    database = await makeDatabase()
    const { db } = database
    const image = asked('', 'A cat.', { metadata: { team: 'green' } })
    ;(image.payload as { input: { messages: object[] } }).input.messages = [
      { role: 'user', content: [{ type: 'image', url: 'data:image/png;base64,AA==' }] },
    ]
    await insert([
      bad,
      good,
      image,
      asked('Opening hours?', 'Nine to six.', { startedAtMs: nowMs - 7_200_000, metadata: { team: 'red' } }),
      asked('Of long ago', 'Yes.', { startedAtMs: nowMs - 30 * 86_400_000 }),
      asked('Only a test', 'Yes.', { purpose: 'eval' }),
      asked('Elsewhere', 'Yes.', { route: 'sales' }),
      { ...asked('Gone', 'Yes.'), payload: null, metadata: { team: 'green' } },
    ])
    const feedback = createFeedback({
      db,
      clock: () => nowMs,
      metrics: () => ({ solved: { type: 'boolean', direction: 'increase', level: 'inference', role: 'report', aggregation: 'last' } }),
    })
    const say = (trace: Trace, metric: string, value: unknown) =>
      feedback.add([{ metric, value, inferenceId: trace.id }], { tenant: 'default', keyId: null, many: false })
    await say(bad, 'solved', true)
    await say(bad, 'solved', false)
    await say(good, 'solved', true)
    await say(good, 'demonstration', 'Nine to five, Monday to Friday.')
    const app = adminApp({ '/admin/datasets': datasetRoutes({ db, clock: () => nowMs }) })
    weir = (...words) => runCli(app, datasetCommands, ['datasets', ...words], { folder })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const items = async (name: string, status = 'pending') => JSON.parse((await weir('queue', name, '--status', status, '--json')).out)

  test('are drawn by conditions, without what is personal, and say so', async () => {
    const { code, out } = await weir('create', 'hard', '--where', 'route=support', 'feedback.solved<1', '--reason', 'to learn')
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/hard version 1: 1 items, all pending\nredaction: looked for email, .*; replaced 1 email, 1 phone/),
    ])
    expect(await items('hard')).toMatchObject([
      {
        trace_id: bad.id,
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Where is my order? Write to [email]' },
        ],
        answer: { role: 'assistant', content: 'No idea, call [phone].' },
      },
    ])
    const stored = await database.db.execute(`select messages::text || answer::text as text from dataset_items`)
    expect(JSON.stringify(stored)).not.toMatch(/ann@|7946/)
  })

  test('hold live conversations only, each once, and count what could not be taken', async () => {
    const made = JSON.parse((await weir('create', 'red', '--where', 'metadata.team=red', 'from=2026-11-01', '--reason', 'r', '--json')).out)
    expect(made).toMatchObject({ items: 1, source: { skipped: { duplicates: 1 } } })
    const all = JSON.parse((await weir('create', 'all', '--where', 'route=support', 'from=2026-11-01', '--reason', 'r', '--json')).out)
    expect(all).toMatchObject({ items: 2, source: { skipped: { without_payload: 1, not_text: 1, duplicates: 1 } } })
    expect((await weir('create', 'none', '--where', 'metadata.team=green', '--reason', 'r')).error).toMatchObject({
      code: 'not_found',
      message: 'no conversation matches that could be taken: 1 have no payload, 1 are not text',
    })
  })

  test('are reviewed by people: who, when and why is kept, and no version changes', async () => {
    await weir('create', 'reviewed', '--where', 'route=support', 'from=2026-11-01', '--reason', 'r')
    const [first, second] = await items('reviewed')
    expect((await weir('approve', 'reviewed', first.id, second.id, '--reason', 'right')).out).toContain('approved by ann')
    expect((await weir('correct', 'reviewed', first.id, '--answer', 'Write to bob@example.com.', '--reason', 'wrong after all')).code).toBe(
      0,
    )
    expect((await weir('reject', 'reviewed', second.id, '--reason', 'no example')).code).toBe(0)
    expect(await items('reviewed')).toEqual([])
    expect(await items('reviewed', 'corrected,rejected')).toMatchObject([
      { id: first.id, review: { answer: { content: 'Write to [email].' }, by: expect.stringContaining('ann'), reason: 'wrong after all' } },
      { id: second.id, status: 'rejected', review: { at: new Date(nowMs).toISOString() } },
    ])
    expect((await weir('reject', 'reviewed', second.id)).code).toBe(1)
    for (const statement of [
      `update dataset_items set position = 9`,
      `update dataset_reviews set actor = 'eve'`,
      `update datasets set version = 9`,
    ])
      await expect(database.db.execute(statement)).rejects.toThrow()
    await weir('create', 'reviewed', '--where', 'route=support', '--reason', 'again')
    expect((await weir('list', 'reviewed')).out.split('\n').map((line) => line.split(/\s+/).slice(0, 7))).toMatchObject([
      ['NAME', 'VERSION', 'ITEMS', 'PENDING', 'APPROVED', 'CORRECTED', 'REJECTED'],
      ['reviewed', '2', '3', '3', '0', '0', '0'],
      ['reviewed', '1', '2', '0', '0', '1', '1'],
    ])
  })

  test('an answer that was never given cannot be approved', async () => {
    await insert([asked('Hello?', '', { status: 'error', errorCode: 'timeout', route: 'broken' })])
    await weir('create', 'broken', '--where', 'route=broken', 'status=error', '--reason', 'r')
    const [item] = await items('broken')
    expect((await weir('approve', 'broken', item.id, '--reason', 'r')).error).toMatchObject({ code: 'conflict' })
    expect((await weir('correct', 'broken', item.id, '--answer', 'Hello.', '--reason', 'r')).code).toBe(0)
  })

  test('are exported as OpenAI wants training files: only what people let pass, the last message the assistant’s', async () => {
    await weir('create', 'shown', '--from', 'feedback', '--reason', 'r')
    expect((await weir('export', 'shown')).error).toMatchObject({
      message: 'nothing of shown is approved or corrected: weir datasets queue shown',
    })
    const [item] = await items('shown')
    await weir('approve', 'shown', item.id, '--reason', 'right')
    const { notes } = await weir('export', 'shown', '--out', 'train.jsonl')
    expect(notes).toBe('1 examples; OpenAI wants ten at least')
    const lines = readFileSync(join(folder, 'train.jsonl'), 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Opening hours?' },
          { role: 'assistant', content: 'Nine to five, Monday to Friday.' },
        ],
      },
    ])
    expect(JSON.parse((await weir('export', 'shown', '--format', 'jsonl')).out)).toMatchObject({ id: item.id, tags: ['approved'] })
  })

  test('keep tool calls as they were spoken', async () => {
    const trace = asked('', 'Oslo: rain.', { route: 'tools' })
    trace.payload = {
      input: {
        messages: [
          { role: 'user', content: 'Weather in {{city}}?' },
          { role: 'assistant', content: null, toolCalls: [{ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' }] },
          { role: 'tool', toolCallId: 'c1', content: 'rain' },
        ],
        tools: [{ name: 'weather', parameters: { type: 'object' } }],
      },
      output: [{ text: 'Oslo: rain.', toolCalls: [] }],
    }
    await insert([trace])
    await weir('create', 'tools', '--where', 'route=tools', '--reason', 'r')
    await weir('approve', 'tools', (await items('tools'))[0].id, '--reason', 'r')
    expect(JSON.parse((await weir('export', 'tools')).out)).toEqual({
      messages: [
        { role: 'user', content: 'Weather in {{city}}?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
        },
        { role: 'tool', content: 'rain', tool_call_id: 'c1' },
        { role: 'assistant', content: 'Oslo: rain.' },
      ],
      tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }],
    })
    const suite = await suiteOf('datasets: [{ dataset: tools }]')
    expect(suite.cases[0]).toMatchObject({
      expected: 'Oslo: rain.',
      turns: [
        { content: 'Weather in {{city}}?' },
        { role: 'assistant', toolCalls: [{ name: 'weather' }] },
        { role: 'tool', toolCallId: 'c1', content: 'rain' },
      ],
      tools: [{ name: 'weather' }],
      assertions: [{ type: 'equals', value: 'Oslo: rain.' }],
    })
  })

  test('of a route with a prompt hold both: what the model read, to train it, and what the client said, to ask again', async () => {
    const trace = asked('', 'Nine to five.', { route: 'prompted' })
    trace.payload = {
      input: { messages: [{ role: 'user', content: '<passages> Question of bob@example.com: hours?' }] },
      output: [{ text: 'Nine to five.', toolCalls: [] }],
      said: { messages: [{ role: 'user', content: 'hours?' }], variables: { who: 'bob@example.com' } },
    }
    await insert([trace, { ...trace, id: asked('', '').id, startedAtMs: trace.startedAtMs - 1 }])
    const made = JSON.parse((await weir('create', 'prompted', '--where', 'route=prompted', '--reason', 'r', '--json')).out)
    expect(made).toMatchObject({ items: 1, redactions: { email: 4 } })
    await weir('approve', 'prompted', (await items('prompted'))[0].id, '--reason', 'r')
    expect(JSON.parse((await weir('export', 'prompted')).out).messages[0].content).toBe('<passages> Question of [email]: hours?')
    const suite = await suiteOf('datasets: [{ dataset: prompted }]')
    expect(suite.cases).toMatchObject([
      { turns: [{ role: 'user', content: 'hours?' }], variables: { who: '[email]' }, expected: 'Nine to five.' },
    ])
    const lately = await suiteOf('datasets: [{ traces: { route: prompted, limit: 1 } }]').catch((error) => error)
    expect(String(lately)).toContain("there is no variable 'expected'")
  })

  const suiteOf = (datasets: string) =>
    readSuite(
      `target: { route: support }\n${datasets}\ndefaults: { assert: [{ type: equals, value: '{{expected}}' }] }`,
      'a.yaml',
      {},
      {
        readFile: async () => '',
        readStored: (source) => readStoredCases(database.db, source, nowMs),
      },
    )

  test('are cases of suites: the settled answer is expected', async () => {
    const suite = await suiteOf('datasets: [{ dataset: reviewed, version: 1 }]')
    expect(suite.cases).toMatchObject([
      {
        tags: ['corrected'],
        expected: 'Write to [email].',
        assertions: [{ value: 'Write to [email].' }],
        turns: [{ role: 'system' }, { role: 'user' }],
      },
    ])
    await expect(suiteOf('datasets: [{ dataset: reviewed }]')).rejects.toThrow('approved or corrected')
    await expect(suiteOf('datasets: [{ dataset: nothing }]')).rejects.toThrow("there is no dataset 'nothing'")
  })

  test('tell whether a scorer can be trusted: its verdicts beside those of people', async () => {
    // Both say good of five and bad of three of ten, and disagree about two: kappa 0.5833333.
    const judged = [...Array(5).fill([true, true]), [true, false], [false, true], ...Array(3).fill([false, false])] as [boolean, boolean][]
    const traces = judged.map((_, at) => asked(`Question ${at}?`, 'Answer.', { route: 'judged' }))
    await insert(traces)
    await weir('create', 'judged', '--where', 'route=judged', '--reason', 'r')
    for (const { id, trace_id } of JSON.parse((await weir('queue', 'judged', '--json')).out)) {
      const [passed, good] = judged[traces.findIndex((trace) => trace.id === trace_id)] ?? []
      await database.db.insert(onlineScores).values({
        ...{ traceId: trace_id, scorer: 'kind', tenant: 'default', route: 'judged', variant: null, variantHash: null, arm: null },
        ...{ score: Number(passed), passed: passed ?? null, reason: '', costUsd: 0, startedAtMs: nowMs, atMs: nowMs },
      })
      await (good ? weir('approve', 'judged', id, '--reason', 'r') : weir('correct', 'judged', id, '--answer', 'Better.', '--reason', 'r'))
    }
    const [told] = JSON.parse((await weir('agreement', 'judged', '--json')).out)
    expect(told).toMatchObject({ scorer: 'kind', answers: 10, both_good: 5, both_bad: 3, only_scorer: 1, only_people: 1, share: 0.8 })
    expect(told.kappa).toBeCloseTo(0.5833333, 7)
    expect((await weir('agreement', 'judged')).out).toMatch(/kind +10 +5 +3 +1 +1 +80 % .* 0.583/)
  })

  test('are deleted by version, and who did it stays', async () => {
    await weir('create', 'gone', '--where', 'route=support', '--reason', 'r')
    await weir('create', 'gone', '--where', 'route=support', '--reason', 'r')
    await weir('approve', 'gone', (await items('gone'))[0].id, '--reason', 'r')
    expect((await weir('delete', 'gone', '--version', '2', '--reason', 'a customer left')).out).toBe('gone version 2 is deleted')
    expect((await weir('list', 'gone')).out.split('\n')).toHaveLength(2)
    expect((await weir('delete', 'gone', '--version', '2', '--reason', 'again')).error).toMatchObject({ code: 'not_found' })
    const { events } = await listAuditEvents(database.db, { target: 'dataset/gone' }, { limit: 1 })
    expect(events).toMatchObject([{ action: 'dataset.delete', reason: 'a customer left', actor: expect.stringContaining('ann') }])
    await weir('create', 'gone', '--where', 'route=support', '--reason', 'r')
    expect((await weir('list', 'gone')).out).toMatch(/gone +3 /)
  })

  describe('what is asked for wrongly', () => {
    test.each([
      [['create', 'x', '--reason', 'r', '--where', 'colour=red'], /unknown parameter 'where.colour'/],
      [['create', 'x', '--reason', 'r', '--where', 'feedback.solved=1'], /--where takes field=value/],
      [['create', 'x', '--reason', 'r', '--redact', 'names'], /'redact\[0\]'/],
      [['create', 'a/b', '--reason', 'r'], /'name': use letters/],
      [['queue', 'nothing'], /there is no dataset 'nothing'/],
      [['approve', 'hard', '0198c0de-0000-7000-8000-000000000000', '--reason', 'r'], /the dataset has no item/],
    ])('%j', async (words, message) => {
      const { code, error } = await weir(...words)
      expect([code, (error as Error).message]).toEqual([1, expect.stringMatching(message)])
    })
  })
})
