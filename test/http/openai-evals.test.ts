import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openWeir, type Weir } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { readEnvironment } from '../../src/config.ts'
import { type Serving, serve } from '../../src/http/serve.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { emptyState } from '../support/database.ts'

const adminKey = 'weir-admin-secret-0123456789abcdef'
const stateDir = mkdtempSync(join(tmpdir(), 'weir-openai-evals-'))
const asked: { model: string; text: string }[] = []
let holdMs = 0

/** `mock` says the number in the question; `judge` gives a verdict on it, and prose on 13. */
const host = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    const body = (await request.json()) as { model: string; messages: { content: string }[] }
    const text = body.messages.at(-1)?.content ?? ''
    asked.push({ model: body.model, text })
    await Bun.sleep(holdMs)
    const number = Number(/\d+/.exec(text)?.[0])
    const whole = body.messages.map(({ content }) => content).join('\n')
    const verdict = whole.includes('Choose one label')
      ? { reason: 'r', label: number % 2 === 0 ? 'even' : 'odd' }
      : { reason: 'r', score: Math.min(10, number) }
    const content = body.model !== 'judge' ? String(number) : number === 13 ? 'I would say it is fine.' : JSON.stringify(verdict)
    return Response.json({
      id: '1',
      object: 'chat.completion',
      created: 1,
      model: body.model,
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
    })
  },
})

let weir: Weir
let server: Serving
const clients = {} as Record<'acme' | 'other' | 'narrow', OpenAI>

const open = async (): Promise<void> => {
  const config = parseConfig(
    `
providers:
  host: { kind: openai-compatible, base_url: "${host.url}v1" }
models:
  mock: { kind: llm, provider: host, model: mock, price: { input_per_million_usd: 1000, output_per_million_usd: 0 } }
  judge: { kind: llm, provider: host, model: judge, price: { input_per_million_usd: 1 } }
budgets: [{ per: tenant, name: narrow, period: total, usd: 0.035 }]
`,
    'weir.yaml',
    {},
  )
  const environment = readEnvironment({ WEIR_STATE_DIR: stateDir, WEIR_ADMIN_KEY: adminKey, HOST: '0.0.0.0' })
  weir = await openWeir({ environment, config, log: createLogger('silent'), serving: true })
  server = serve({ app: weir.app, inFlight: weir.inFlight, hostname: '127.0.0.1', port: 0, graceMs: 100 })
  for (const client of Object.values(clients)) client.baseURL = `${server.url}/v1`
}
const close = async () => {
  await server.close()
  await weir.close()
}

beforeAll(async () => {
  await emptyState(stateDir)
  await open()
  for (const [name, more] of [
    ['acme', {}],
    ['other', {}],
    ['narrow', { allowed_routes: ['mock'] }],
  ] as const) {
    const response = await fetch(`${server.url}/admin/keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ name, tenant: name, ...more }),
    })
    const { secret } = (await response.json()) as { secret: string }
    clients[name] = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: secret, maxRetries: 0 })
  }
})
afterAll(async () => {
  await close()
  await host.stop(true)
  rmSync(stateDir, { recursive: true, force: true })
})

const itemSchema = { type: 'object', properties: { question: { type: 'string' }, answer: { type: 'string' } }, required: ['question'] }
const custom = { type: 'custom' as const, item_schema: itemSchema, include_sample_schema: true }
const same = {
  type: 'string_check' as const,
  name: 'same',
  input: '{{sample.output_text}}',
  reference: '{{item.answer}}',
  operation: 'eq' as const,
}
const rows = (count: number) => Array.from({ length: count }, (_, at) => ({ item: { question: `Say ${at}`, answer: String(at) } }))
const template = { type: 'template' as const, template: [{ role: 'user' as const, content: '{{item.question}}' }] }

const finished = (client: OpenAI, evalId: string, runId: string) =>
  vi.waitFor(
    async () => {
      const run = await client.evals.runs.retrieve(runId, { eval_id: evalId })
      expect(['completed', 'failed']).toContain(run.status)
      return run
    },
    { timeout: 20_000, interval: 50 },
  )
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { status?: number; code?: string; message: string }) => `${error.status} ${error.code} ${error.message}`,
  )

describe('client.evals of the OpenAI SDK', () => {
  test('grades recorded answers by strings, likeness and models', async () => {
    const { evals } = clients.acme
    const one = await evals.create({
      name: 'graded',
      data_source_config: custom,
      testing_criteria: [
        same,
        { ...same, name: 'holds', operation: 'ilike', reference: 'ONE' },
        {
          type: 'text_similarity',
          name: 'near',
          input: '{{sample.output_text}}',
          reference: '{{item.answer}}',
          evaluation_metric: 'rouge_1',
          pass_threshold: 0.6,
        },
        {
          type: 'label_model',
          name: 'parity',
          model: 'judge',
          input: [{ role: 'user', content: '{{ item.question }}' }],
          labels: ['even', 'odd'],
          passing_labels: ['odd'],
        },
        {
          type: 'score_model',
          name: 'size',
          model: 'judge',
          input: [
            { role: 'developer', content: 'Be strict.' },
            { role: 'user', content: { type: 'input_text', text: '{{item.question}}' } },
          ],
          range: [0, 10],
          pass_threshold: 7,
        },
      ],
      metadata: { team: 'red' },
    })
    expect(one).toMatchObject({ object: 'eval', name: 'graded', metadata: { team: 'red' }, data_source_config: { type: 'custom' } })
    const run = await evals.runs.create(one.id, {
      name: 'recorded',
      data_source: {
        type: 'jsonl',
        source: {
          type: 'file_content',
          content: [
            { item: { question: 'Say 7', answer: 'one of them' }, sample: { output_text: 'one of them' } },
            { item: { question: 'Say 2', answer: 'one of them' }, sample: { output_text: 'one of us' } },
            { item: { question: 'Say 13', answer: 'x' }, sample: { output_text: 'x' } },
          ],
        },
      },
    })
    expect(run).toMatchObject({ object: 'eval.run', eval_id: one.id, status: 'queued', result_counts: { total: 3 } })
    const end = await finished(clients.acme, one.id, run.id)
    expect(end).toMatchObject({ status: 'completed', error: null, result_counts: { total: 3, passed: 1, failed: 1, errored: 1 } })
    expect(end.per_testing_criteria_results).toContainEqual({ testing_criteria: 'size', passed: 1, failed: 2 })
    // Two verdicts on each of two rows; on the third the judge was asked three times for each.
    expect(end.per_model_usage).toMatchObject([{ model_name: 'judge', invocation_count: 10 }])
    const items = (await evals.runs.outputItems.list(run.id, { eval_id: one.id })).data.toSorted(
      (left, right) => left.datasource_item_id - right.datasource_item_id,
    )
    expect(items.map(({ status }) => status)).toEqual(['pass', 'fail', 'error'])
    expect(items[0]?.results.map(({ name, score, passed }) => [name, score, passed])).toEqual([
      ['same', 1, true],
      ['holds', 1, true],
      ['near', 1, true],
      ['parity', 1, true],
      ['size', 7, true],
    ])
    // Two of three words: precision 2/3, recall 2/3.
    expect(items[1]?.results[2]).toMatchObject({ score: expect.closeTo(2 / 3, 9), passed: true })
    expect(items[2]?.results[3]).toMatchObject({ passed: false, error: expect.stringContaining('no verdict in 3 attempts') })
    expect(items[0]?.sample.output).toEqual([{ role: 'assistant', content: 'one of them' }])
    const failed = await evals.runs.outputItems.list(run.id, { eval_id: one.id, status: 'fail' })
    expect(failed.data.map(({ id }) => id)).toEqual([items[1]?.id])
    expect(await evals.runs.outputItems.retrieve(items[1]?.id ?? '', { eval_id: one.id, run_id: run.id })).toEqual(items[1])
  })

  test.each(['completions', 'responses'] as const)('asks a model for the answers: %s', async (type) => {
    const { evals } = clients.acme
    const one = await evals.create({ data_source_config: custom, testing_criteria: [same] })
    const run = await evals.runs.create(one.id, {
      data_source: {
        type,
        model: 'mock',
        source: { type: 'file_content', content: rows(6) },
        input_messages: { ...template, template: [{ role: 'developer', content: 'Be short.' }, ...template.template] },
        sampling_params: { temperature: 0, max_completion_tokens: 20 },
      },
    })
    const end = await finished(clients.acme, one.id, run.id)
    expect(end).toMatchObject({
      model: 'mock',
      result_counts: { passed: 6 },
      per_model_usage: [{ model_name: 'mock', invocation_count: 6, total_tokens: 72 }],
    })
    const [item] = (await evals.runs.outputItems.list(run.id, { eval_id: one.id, limit: 1 })).data
    expect(item?.sample).toMatchObject({
      input: [
        { role: 'developer', content: 'Be short.' },
        { role: 'user', content: expect.stringContaining('Say') },
      ],
      finish_reason: 'stop',
      temperature: 0,
      max_completion_tokens: 20,
      usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
      error: null,
    })
  })

  test('reads rows from an uploaded file, and the conversation from the item', async () => {
    const { evals, files } = clients.acme
    const lines = rows(3).map(({ item }) => JSON.stringify({ item: { ...item, talk: [{ role: 'user', content: item.question }] } }))
    const file = await files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'rows.jsonl'), purpose: 'evals' })
    const one = await evals.create({ data_source_config: custom, testing_criteria: [same] })
    const source = { type: 'file_id' as const, id: file.id }
    const input = { type: 'item_reference' as const, item_reference: 'item.talk' }
    const run = await evals.runs.create(one.id, { data_source: { type: 'completions', model: 'mock', source, input_messages: input } })
    expect((await finished(clients.acme, one.id, run.id)).result_counts).toEqual({ total: 3, passed: 3, failed: 0, errored: 0 })
    const bad = await files.create({
      file: await toFile(Buffer.from('{"item": {"question": "a"}}\n{"items": {}}'), 'bad.jsonl'),
      purpose: 'evals',
    })
    const wrong = evals.runs.create(one.id, { data_source: { type: 'jsonl', source: { type: 'file_id', id: bad.id } } })
    expect(await codeOf(wrong)).toContain('line 2')
  })

  test('lists page by page, changes and deletes', async () => {
    const { evals } = clients.other
    const made: string[] = []
    for (let at = 0; at < 3; at += 1)
      made.push((await evals.create({ name: `e${at}`, data_source_config: custom, testing_criteria: [same] })).id)
    const listed: string[] = []
    for await (const { id } of evals.list({ limit: 2 })) listed.push(id)
    expect(listed).toEqual(made)
    expect((await evals.list({ order: 'desc', limit: 1 })).data.map(({ id }) => id)).toEqual([made[2]])
    const [first = ''] = made
    expect(await evals.update(first, { name: 'new', metadata: { a: 'b' } })).toMatchObject({ name: 'new', metadata: { a: 'b' } })
    expect(await evals.update(first, { metadata: null })).toMatchObject({ name: 'new', metadata: null })
    const run = await evals.runs.create(first, { data_source: { type: 'jsonl', source: { type: 'file_content', content: rows(1) } } })
    await finished(clients.other, first, run.id)
    const runs = (await evals.runs.list(first)).data
    expect(runs).toMatchObject([
      { id: run.id, data_source: { source: { type: 'file_content', content: [] } }, result_counts: { total: 1 } },
    ])
    expect(await evals.runs.delete(run.id, { eval_id: first })).toEqual({ object: 'eval.run.deleted', deleted: true, run_id: run.id })
    expect((await evals.runs.list(first, { status: 'completed' })).data).toEqual([])
    expect(await evals.delete(first)).toEqual({ object: 'eval.deleted', deleted: true, eval_id: first })
    expect(await codeOf(evals.retrieve(first))).toMatch(/^404/)
  })

  test('another tenant finds none of it', async () => {
    const { evals } = clients.acme
    const one = await evals.create({ data_source_config: custom, testing_criteria: [same] })
    const run = await evals.runs.create(one.id, { data_source: { type: 'jsonl', source: { type: 'file_content', content: rows(1) } } })
    await finished(clients.acme, one.id, run.id)
    const [item] = (await evals.runs.outputItems.list(run.id, { eval_id: one.id })).data
    const { evals: theirs } = clients.other
    const source = { type: 'file_content' as const, content: rows(1) }
    const of = { eval_id: one.id }
    for (const attempt of [
      () => theirs.retrieve(one.id),
      () => theirs.update(one.id, { name: 'mine' }),
      () => theirs.delete(one.id),
      () => theirs.runs.list(one.id),
      () => theirs.runs.create(one.id, { data_source: { type: 'jsonl', source } }),
      () => theirs.runs.retrieve(run.id, of),
      () => theirs.runs.cancel(run.id, of),
      () => theirs.runs.delete(run.id, of),
      () => theirs.runs.outputItems.list(run.id, of),
      () => theirs.runs.outputItems.retrieve(item?.id ?? '', { ...of, run_id: run.id }),
    ])
      expect(await codeOf(attempt())).toMatch(/^404 not_found/)
    const ids: string[] = []
    for await (const { id } of theirs.list()) ids.push(id)
    expect(ids).not.toContain(one.id)
    expect((await evals.retrieve(one.id)).name).toBe(one.id)
  })

  test('a cancelled run stops, and one of a server that went down goes on where it was', async () => {
    const { evals } = clients.acme
    const one = await evals.create({ data_source_config: custom, testing_criteria: [same] })
    const of = { eval_id: one.id }
    const start = (count: number) =>
      evals.runs.create(one.id, {
        data_source: {
          type: 'completions',
          model: 'mock',
          source: { type: 'file_content', content: rows(count) },
          input_messages: template,
        },
      })
    holdMs = 150
    const cancelled = await start(200)
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0))
    expect(await evals.runs.cancel(cancelled.id, of)).toMatchObject({ status: 'canceled' })
    expect(await codeOf(evals.runs.cancel(cancelled.id, of))).toMatch(/^409 conflict.*is over: canceled/)
    asked.length = 0
    const run = await start(60)
    const questions = () => asked.filter(({ model }) => model === 'mock').map(({ text }) => text)
    await vi.waitFor(() => expect(new Set(questions().filter((text) => Number(text.slice(4)) < 60)).size).toBeGreaterThan(12), {
      timeout: 10_000,
    })
    await close()
    holdMs = 0
    await open()
    expect(await finished(clients.acme, one.id, run.id)).toMatchObject({
      status: 'completed',
      result_counts: { total: 60, passed: 60, errored: 0 },
    })
    expect(await evals.runs.retrieve(cancelled.id, of)).toMatchObject({ status: 'canceled' })
    const counts = new Map<string, number>()
    for (const text of questions()) counts.set(text, (counts.get(text) ?? 0) + 1)
    // Those in flight when it went down are asked again, and a few of the cancelled run were.
    expect(questions().length - counts.size).toBeLessThan(40)
  }, 60_000)

  test('spends the budget of its tenant, and no more', async () => {
    const { evals } = clients.narrow
    const one = await evals.create({ data_source_config: custom, testing_criteria: [same] })
    const source = { type: 'file_content' as const, content: rows(12) }
    const params = { max_completion_tokens: 5 }
    const run = await evals.runs.create(one.id, {
      data_source: { type: 'completions', model: 'mock', source, input_messages: template, sampling_params: params },
    })
    const { result_counts: counts } = await finished(clients.narrow, one.id, run.id)
    // A cent each.
    expect(counts.passed).toBeGreaterThan(0)
    expect(counts.passed).toBeLessThanOrEqual(4)
    expect(counts.errored).toBe(12 - counts.passed)
    const items = (await evals.runs.outputItems.list(run.id, { eval_id: one.id })).data
    expect(items.find(({ status }) => status === 'error')?.sample.error).toMatchObject({ code: 'insufficient_quota' })
  })

  test('a tenant with many runs leaves room for others', async () => {
    const start = async (client: OpenAI, count: number) => {
      const one = await client.evals.create({ data_source_config: custom, testing_criteria: [same] })
      const source = { type: 'file_content' as const, content: rows(count) }
      const run = await client.evals.runs.create(one.id, {
        data_source: { type: 'completions', model: 'mock', source, input_messages: template },
      })
      return { id: run.id, of: { eval_id: one.id } }
    }
    holdMs = 100
    const mine = await Promise.all(Array.from({ length: 6 }, () => start(clients.acme, 300)))
    const theirs = await start(clients.other, 2)
    expect(await finished(clients.other, theirs.of.eval_id, theirs.id)).toMatchObject({ result_counts: { passed: 2 } })
    const statuses = await Promise.all(mine.map(async ({ id, of }) => (await clients.acme.evals.runs.retrieve(id, of)).status))
    expect(statuses.toSorted()).toEqual([...Array(4).fill('in_progress'), 'queued', 'queued'])
    // What is deleted is worked on no more.
    for (const { id, of } of mine) await clients.acme.evals.runs.delete(id, of)
    holdMs = 0
  })

  test('is refused what would be half obeyed, by name', async () => {
    const { evals } = clients.acme
    const create = (changes: object) => codeOf(evals.create({ data_source_config: custom, testing_criteria: [same], ...changes } as never))
    const python = { type: 'python', name: 'p', source: 'def grade(sample, item): return 1' }
    expect(await create({ testing_criteria: [python] })).toMatch(/^400.*string_check, text_similarity, label_model or score_model/)
    expect(await create({ data_source_config: { type: 'logs' } })).toMatch(/^400.*must be custom/)
    const schemaOf = (item_schema: unknown) => create({ data_source_config: { type: 'custom', item_schema } })
    expect(await schemaOf({ type: 'no such type' })).toMatch(/^400.*schema is not valid/)
    const deep = JSON.parse(`${'{"properties":{"a":'.repeat(80)}{}${'}}'.repeat(80)}`)
    expect(await schemaOf(deep)).toMatch(/^400.*item_schema': must be a JSON Schema object nested at most 64 deep/)
    expect(await create({ testing_criteria: [{ ...same, reference: '{{item.colour}}' }] })).toMatch(
      /^400.*item_schema has no field 'colour'/,
    )
    const meteor = { type: 'text_similarity', name: 'm', input: 'a', reference: 'b', evaluation_metric: 'meteor', pass_threshold: 1 }
    expect(await create({ testing_criteria: [meteor] })).toMatch(/^400.*evaluation_metric/)
    expect(await create({ testing_criteria: [{ ...meteor, evaluation_metric: 'cosine' }] })).toMatch(/^400.*one embedding model/)
    const label = {
      type: 'label_model',
      name: 'l',
      model: 'nobody',
      input: [{ role: 'user', content: 'x' }],
      labels: ['a'],
      passing_labels: ['a'],
    }
    expect(await create({ testing_criteria: [label] })).toMatch(/^404 model_not_found/)
    expect(await create({ testing_criteria: [{ ...label, passing_labels: ['b'] }] })).toMatch(/^400.*must be among the labels/)
    expect(await create({ colour: 'red' })).toMatch(/^400 unsupported_parameter/)

    const one = await evals.create({ data_source_config: custom, testing_criteria: [same] })
    const run = (changes: object) =>
      codeOf(
        evals.runs.create(one.id, {
          data_source: { type: 'jsonl', source: { type: 'file_content', content: rows(1) }, ...changes },
        } as never),
      )
    expect(await run({ source: { type: 'file_content', content: [{ item: { answer: 'x' } }] } })).toMatch(
      /^400.*row 0: item must have required property 'question'/,
    )
    expect(await run({ source: { type: 'stored_completions' } })).toMatch(/^400.*file_content or file_id/)
    expect(await run({ source: { type: 'file_id', id: 'file-nothing' } })).toMatch(/^404/)
    expect(
      await run({ type: 'completions', model: 'mock', input_messages: template, sampling_params: { reasoning_effort: 'high' } }),
    ).toMatch(/^400.*reasoning_effort/)
    const fuzzy = {
      type: 'text_similarity' as const,
      name: 'f',
      input: '{{item.question}}',
      reference: '{{item.answer}}',
      evaluation_metric: 'fuzzy_match' as const,
      pass_threshold: 1,
    }
    const long = await evals.create({ data_source_config: custom, testing_criteria: [fuzzy] })
    const huge = { item: { question: 'a'.repeat(200_000), answer: 'b'.repeat(200_000) } }
    const measured = await evals.runs.create(long.id, { data_source: { type: 'jsonl', source: { type: 'file_content', content: [huge] } } })
    expect(await finished(clients.acme, long.id, measured.id)).toMatchObject({ result_counts: { errored: 1 } })
    // A pattern that would backtrack for hours is not run.
    const slow = await evals.create({
      data_source_config: { ...custom, item_schema: { type: 'object', properties: { question: { type: 'string', pattern: '^(a+)+$' } } } },
      testing_criteria: [{ ...same, reference: '{{item.question}}' }],
    })
    const trap = { item: { question: `${'a'.repeat(40)}!` } }
    expect(
      (await evals.runs.create(slow.id, { data_source: { type: 'jsonl', source: { type: 'file_content', content: [trap] } } })).status,
    ).toBe('queued')
    const narrow = await clients.narrow.evals.create({ data_source_config: custom, testing_criteria: [same] })
    const theirs = clients.narrow.evals.runs.create(narrow.id, {
      data_source: { type: 'completions', model: 'judge', source: { type: 'file_content', content: rows(1) }, input_messages: template },
    })
    expect(await codeOf(theirs)).toMatch(/^403 permission_denied/)
  })
})
