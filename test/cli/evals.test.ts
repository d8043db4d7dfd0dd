import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { serverFile } from '../../src/cli/transport.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

/** Counts to the number in the question: `worse` miscounts half of them. Some numbers make it fail, or say nothing for long. */
const startCounter = () => {
  const asked: string[] = []
  let holdMs = 0
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const body = (await request.json()) as { model: string; messages: { content: string }[] }
      const question = body.messages.at(-1)?.content ?? ''
      asked.push(`${body.model} ${question}`)
      if (question.includes('boom')) return Response.json({ error: { message: 'out of order', type: 'server_error' } }, { status: 500 })
      await Bun.sleep(question.includes('slow') ? 5_000 : holdMs)
      const number = Number(/\d+/.exec(question)?.[0])
      const content =
        body.model === 'judge'
          ? 'I would say it is fine.'
          : body.model === 'strict'
            ? JSON.stringify({ reason: 'odd', pass: !/Answer:\n<data>\n\d*[13579]\n/.test(question) })
            : String(body.model === 'worse' && number % 2 === 1 ? number + 1 : number)
      return Response.json({
        id: 'x',
        object: 'chat.completion',
        created: 0,
        model: body.model,
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
      })
    },
  })
  return {
    url: `${server.url.origin}/v1`,
    asked,
    hold: (ms: number) => {
      holdMs = ms
    },
    close: () => server.stop(true),
  }
}

describe('weir eval, as a user runs it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-eval-'))
  const upstream = startCounter()
  const hosted = (model: string) => ({
    kind: 'llm',
    provider: 'counter',
    model,
    price: { input_per_million_usd: 100, output_per_million_usd: 0 },
  })
  const place = createWorkplace(folder, {
    providers: { counter: { kind: 'openai-compatible', base_url: upstream.url } },
    models: { good: hosted('good'), worse: hosted('worse'), judge: hosted('judge'), strict: hosted('strict') },
    routes: {
      count: {
        variants: [
          { name: 'stable', weight_percent: 100, model: 'good' },
          { name: 'candidate', weight_percent: 0, model: 'worse' },
        ],
      },
      scored: {
        variants: [{ name: 'only', model: 'good' }],
        scoring: {
          sample_percent: 100,
          judge: 'strict',
          max_usd_per_day: 1,
          scorers: [
            { name: 'even', type: 'llm-rubric', value: 'is even' },
            { name: 'number', type: 'regex', value: '^\\d+$' },
          ],
        },
      },
    },
    metrics: { even: { type: 'boolean', role: 'guardrail', source: 'online_score', scorer: 'even' } },
    defaults: { retry: { attempts: 1 } },
  })
  const suite = (name: string, content: object) => writeFileSync(join(folder, 'evals', `${name}.yaml`), stringify(content))
  const cases = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `n${at}`, input: `Say ${at}`, expected: String(at) }))
  const equal = { assert: [{ type: 'equals', value: '{{expected}}' }] }
  let server: ServerProcess

  beforeAll(async () => {
    mkdirSync(join(folder, 'evals'))
    suite('count', { target: { route: 'count' }, defaults: equal, cases: cases(80), concurrency: 8 })
    suite('broken', {
      target: { route: 'count' },
      timeout_ms: 300,
      defaults: equal,
      cases: [...cases(3), { id: 'boom', input: 'boom 1', expected: '1' }, { id: 'slow', input: 'slow 1', expected: '1' }],
    })
    suite('judged', {
      target: { route: 'count' },
      judge: 'judge',
      cases: [{ id: 'a', input: 'Say 1', assert: [{ type: 'llm-rubric', value: 'is a number' }] }],
    })
    server = await place.start()
  }, 120_000)

  afterAll(() => {
    server.signal('SIGKILL')
    upstream.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('exits with 0 when the suite passes, and writes its reports', async () => {
    const { code, out } = await place.run(['eval', 'run', 'count', '--junit', 'a.xml', '--markdown', 'a.md', '--html', 'a.html'])
    expect([code, out]).toEqual([0, expect.stringContaining('80 passed, 0 failed: 100 %')])
    expect(out).toContain('PASSED: count on stable')
    expect(readFileSync(join(folder, 'a.xml'), 'utf8')).toContain('tests="80" failures="0" errors="0"')
    expect(readFileSync(join(folder, 'a.md'), 'utf8')).toContain('### PASSED')
    expect(readFileSync(join(folder, 'a.html'), 'utf8')).not.toMatch(/src=|href=|<script/)
  })

  test('exits with 2 when a worse variant is compared with the baseline, and says what broke', async () => {
    const { code, out } = await place.run(['eval', 'run', 'count', '--variant', 'candidate', '--baseline', 'stable', '--markdown', 'b.md'])
    expect(code).toBe(2)
    expect(out).toMatch(/FAILED: count on candidate \(worse than the baseline: pass by 50 %/)
    expect(out).toMatch(/passed before and fails now: n1, n3/)
    expect(readFileSync(join(folder, 'b.md'), 'utf8')).toContain('| pass | 1 | 0.5 | -50 points |')
  })

  test('exits with 2 when a prompt became worse, and then the prompt may not become production', async () => {
    const prompt = (text: string) =>
      writeFileSync(
        join(folder, 'prompts', 'counting.prompt'),
        `---\nweir.eval_suite: prompted\ninput: { schema: { n: string } }\n---\n${text}`,
      )
    const prompted = (version: number) =>
      suite('prompted', {
        target: { prompt: 'counting', version, model: 'good' },
        defaults: equal,
        cases: Array.from({ length: 60 }, (_, at) => ({ id: `n${at}`, vars: { n: String(at) }, expected: String(at) })),
        concurrency: 8,
      })
    mkdirSync(join(folder, 'prompts'), { recursive: true })
    prompt('Say {{n}}.')
    expect((await place.run(['prompts', 'sync'])).code).toBe(0)
    prompted(1)
    expect((await place.run(['eval', 'run', 'prompted'])).code).toBe(0)
    expect((await place.run(['prompts', 'promote', 'counting', 'production', '1', '--reason', 'it passed'])).code).toBe(0)
    prompt('Say 1{{n}}, whatever comes.')
    expect((await place.run(['prompts', 'sync'])).out).toContain('update counting 1 → 2')
    const { out: diff } = await place.run(['prompts', 'diff', 'counting', '1', '2', '--json'])
    expect(JSON.parse(diff).rendered).toHaveLength(60)
    expect(JSON.parse(diff).rendered[7].patch).toContain('+Say 17, whatever comes.')
    prompted(2)
    const { code, out } = await place.run(['eval', 'run', 'prompted', '--baseline', 'latest'])
    expect([code, out]).toEqual([2, expect.stringMatching(/FAILED: prompted.*worse than the baseline: pass by \d+/)])
    const refused = await place.run(['prompts', 'promote', 'counting', 'production', '2', '--reason', 'it is new'])
    expect([refused.code, refused.notes]).toEqual([2, expect.stringContaining('no passing eval run')])
  })

  test('exits with 3 when the suite is too small to tell', async () => {
    suite('few', { target: { route: 'count' }, defaults: equal, cases: cases(4) })
    expect((await place.run(['eval', 'run', 'few'])).code).toBe(0)
    const { code, out } = await place.run(['eval', 'run', 'few', '--baseline', 'latest'])
    expect([code, out]).toEqual([3, expect.stringMatching(/UNDECIDED.*could not have seen a difference of less than/)])
  })

  test('exits with 1 when answers are missing: errors are their own count, never a pass', async () => {
    const { code, out } = await place.run(['eval', 'run', 'broken', '--json'])
    const report = JSON.parse(out)
    expect([code, report.gate, report.summary.passed, report.summary.errors, report.summary.failed]).toEqual([1, 'error', 3, 2, 0])
    const errorOf = (id: string) => report.results.find((result: { case: string }) => result.case === id).error
    expect(errorOf('boom')).toMatch(/^upstream_failed/)
    expect(errorOf('slow')).toBe('timeout: no answer within 300 ms')
  })

  test('a judge that answers with prose is asked three times, and has not judged', async () => {
    const { code, out } = await place.run(['eval', 'run', 'judged', '--json'])
    const report = JSON.parse(out)
    expect([code, report.summary.undetermined, report.summary.passed]).toEqual([1, 1, 0])
    expect(report.results[0].assertions[0]).toMatchObject({ score: null, pass: null, reason: expect.stringContaining('in 3 attempts') })
    expect(upstream.asked.filter((line) => line.startsWith('judge'))).toHaveLength(3)
  })

  test('repeats ask again, the same question of a finished run does not', async () => {
    const before = upstream.asked.length
    expect((await place.run(['eval', 'run', 'few', '--repeats', '3'])).out).toContain('PASS^K')
    expect(upstream.asked.length - before).toBe(8)
    await place.run(['eval', 'run', 'few', '--no-cache'])
    expect(upstream.asked.length - before).toBe(12)
  })

  test('a report of any length comes out of a pipe whole', async () => {
    const { code, out } = await place.run(['eval', 'run', 'count', '--repeats', '8', '--json'])
    expect([code, JSON.parse(out).results.length]).toEqual([0, 640])
  })

  test('a killed run goes on without asking anything twice', async () => {
    suite('long', {
      target: { route: 'count' },
      defaults: equal,
      cases: cases(40).map((one) => ({ ...one, input: `Count ${one.expected}` })),
      concurrency: 4,
    })
    upstream.hold(100)
    const before = upstream.asked.length
    const killed = Bun.spawn([process.execPath, join(import.meta.dirname, '../../src/main.ts'), 'eval', 'run', 'long'], {
      cwd: folder,
      env: { ...process.env, WEIR_STATE_DIR: join(folder, 'state'), DATABASE_URL: '', WEIR_URL: '' },
      stdout: 'ignore',
      stderr: 'pipe',
    })
    await vi.waitFor(() => expect(upstream.asked.length - before).toBeGreaterThan(11), { timeout: 30_000, interval: 20 })
    killed.kill('SIGKILL')
    const id = /run (\S+)/.exec(await new Response(killed.stderr).text())?.[1] ?? ''
    upstream.hold(0)
    await vi.waitFor(async () => expect((await place.run(['eval', 'list', '--suite', 'long'])).out).toContain('interrupted'), {
      timeout: 15_000,
    })
    const { code, out } = await place.run(['eval', 'run', 'long', '--resume', id])
    expect([code, out]).toEqual([0, expect.stringContaining('40 passed')])
    const asked = upstream.asked.slice(before)
    const answered = new Set(asked)
    expect(answered.size).toBe(40)
    // Those in flight when it was killed were broken off, and are the only ones asked again.
    expect(asked.length - answered.size).toBeLessThanOrEqual(4)
  }, 90_000)

  test('stops at its budget, and recorded outputs are judged without asking', async () => {
    const { code, out } = await place.run(['eval', 'run', 'count', '--no-cache', '--budget', '0.0105', '--json'])
    expect([code, JSON.parse(out).status]).toEqual([1, 'over_budget'])
    expect(JSON.parse(out).gate_reasons[0]).toMatch(/the budget is used up after 1\d of 80 answers: go on with --resume/)
    writeFileSync(
      join(folder, 'outputs.jsonl'),
      cases(4)
        .map(({ id, expected }) => JSON.stringify({ id, output: expected }))
        .join('\n'),
    )
    const before = upstream.asked.length
    expect((await place.run(['eval', 'run', 'few', '--outputs', 'outputs.jsonl'])).code).toBe(0)
    expect(upstream.asked.length).toBe(before)
  })

  test('says what to do about what is wrong', async () => {
    suite('wrong', { target: { route: 'count' }, cases: [{ input: 'x', assert: [{ type: 'contain', value: 'x' }] }] })
    for (const [args, message] of [
      [['nothing'], /there is no suite nothing; evals\/ has broken, count/],
      [['wrong'], /wrong\.yaml:\d+:\d+: there is no assertion 'contain'; known are/],
      [['count', '--variant', 'c'], /'count' has no variant 'c': it has stable, candidate/],
      [['count', '--baseline', 'nobody'], /no finished run of count is of 'nobody'/],
      [['few', '--tag', 'none'], /no case of few.yaml has one of the tags none/],
    ] as const) {
      const { code, notes } = await place.run(['eval', 'run', ...args])
      expect([code, notes]).toEqual([1, expect.stringMatching(message)])
    }
  })

  test('what it asks is marked as evaluation, and no metric of traffic moves', async () => {
    const { out } = await place.run(['cost', 'report', '--by', 'purpose', '--json'])
    expect(out).toContain('"eval"')
    expect(out).not.toContain('"live"')
  })

  test('live answers are judged in the background: stored, counted, and the judge is no traffic', async () => {
    const ask = (content: string) =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'scored', messages: [{ role: 'user', content }] }),
      })
    expect((await Promise.all([ask('Say 2'), ask('Say 3'), ask('Say 4')])).map(({ status }) => status)).toEqual([200, 200, 200])
    const scores = async () => JSON.parse((await place.run(['eval', 'scores', '--route', 'scored', '--json'])).out)
    await vi.waitFor(async () => expect((await scores()).data[0]?.answers).toBe(3), { timeout: 20_000, interval: 200 })
    expect(await scores()).toMatchObject({
      sample_percent: 100,
      max_usd_per_day: 1,
      spent_today_usd: expect.closeTo(0.003, 9),
      paused: null,
      data: [
        { scorer: 'even', variant: 'only', answers: 3, undetermined: 0, mean: expect.closeTo(2 / 3, 9) },
        { scorer: 'number', pass_rate: 1, cost_usd: 0 },
      ],
    })
    const table = (await place.run(['eval', 'scores', '--route', 'scored'])).out
    expect(table).toMatch(/even\s+only\s+3\s+0\s+0.667\s+66.7 %/)
    const { token } = JSON.parse(readFileSync(serverFile(join(folder, 'state')), 'utf8')) as { token: string }
    const read = async (path: string) => (await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } })).text()
    expect(await read('/metrics')).toContain('weir_online_scores_total{route="scored",variant="only",scorer="even",verdict="failed"} 1')
    expect(await read('/metrics')).not.toMatch(/weir_answers_total\{route="strict"/)
    await vi.waitFor(async () => {
      const { data } = JSON.parse(await read('/admin/traces?model=strict')) as { data: { purpose: string; cost_usd: number }[] }
      expect(data.map(({ purpose }) => purpose)).toEqual(['eval', 'eval', 'eval'])
    })
    const told = await fetch(`${server.url}/v1/feedback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ metric: 'even', value: true, inference_id: '0198c0de-0000-7000-8000-000000000000' }),
    })
    expect([told.status, await told.text()]).toEqual([400, expect.stringContaining("'even' is what a scorer says")])
  })
})
