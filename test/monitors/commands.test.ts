import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { driftCommands } from '../../src/cli/drift.ts'
import { createMonitors } from '../../src/compose/monitors.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { type Mounts, openApiDocument } from '../../src/http/admin/docs.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { routeTable } from '../../src/rollout/route.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { adminApp, runCli } from '../support/admin-app.ts'
import { describeDatabases } from '../support/database.ts'
import { chatPayload, dayMs, hash, hourMs, minuteMs, serve } from './traffic.ts'

const config = parseConfig(
  `
providers: { host: { kind: openai-compatible, base_url: 'http://localhost:1/v1' } }
models: { chat: { kind: llm, provider: host, model: chat } }
routes: { support: { variants: [{ name: a, model: chat }] } }
monitors: { support: { window: { minutes: 10 }, lateness_s: 60 } }
`,
  'weir.yaml',
  {},
)

describeDatabases('weir drift', (makeDatabase) => {
  let nowMs = dayMs
  let weir: (...words: string[]) => ReturnType<typeof runCli>
  let tick: () => Promise<void>
  let app: ReturnType<typeof adminApp>
  let mounts: Mounts
  const folder = mkdtempSync(join(tmpdir(), 'weir-drift-'))
  const metrics = createMetrics()
  const warned: string[] = []

  beforeAll(async () => {
    const { db } = await makeDatabase()
    const variant = { name: 'a', weightPercent: 100, model: 'chat', defaults: {}, hash }
    const monitors = createMonitors({
      db,
      config: () => config,
      embedderOf: () => undefined,
      routes: () => routeTable([{ name: 'support', seed: 's', variants: [variant] }], []),
      answer: undefined as never,
      holdRollout: async () => '',
      runEval: async () => '',
      metrics,
      clock: () => nowMs,
      log: createLogger('warn', { write: (line) => warned.push(line) }),
    })
    mounts = monitors.mounts
    app = adminApp(mounts)
    weir = (...words) => runCli(app, driftCommands, ['drift', ...words], { folder })
    tick = async () => {
      await monitors.tick()
      expect(warned.filter((line) => !line.includes('an alert is open'))).toEqual([])
    }
    const random = seededRandom(7)
    const usual = () => ({
      promptTokens: Math.round(20 + 30 * random()),
      payload: chatPayload('How do I reset my password please?', 'Under settings.'),
    })
    const marked = '<script>alert(1)</script> Write to bob@example.org about my very long question. '.repeat(4)
    await serve(db, { fromMs: dayMs, toMs: dayMs + hourMs, count: 600, each: usual })
    await serve(db, {
      fromMs: dayMs + hourMs,
      toMs: dayMs + hourMs + 20 * minuteMs,
      count: 200,
      each: () => ({ promptTokens: Math.round(90 + 30 * random()), payload: chatPayload(marked, 'Under settings.') }),
    })
  })

  test('says what there is to do before there is a reference', async () => {
    expect((await weir('status')).out).toBe(
      'support has no reference: weir drift reference create --route support --last 1000 --reason "…"',
    )
    expect((await weir('report', 'support')).out).toContain('weir drift reference create')
    expect((await weir('report', 'sales')).error).toMatchObject({ message: "'sales' is not under monitors in weir.yaml" })
    const early = await weir('reference', 'create', '--route', 'support', '--last', '600', '--reason', 'good')
    expect(early.error).toMatchObject({ message: 'only 0 live requests have been counted, not 600' })
  })

  test('keeps references by time or number', async () => {
    nowMs = dayMs + hourMs + 2 * minuteMs
    await tick()
    const made = await weir(
      'reference',
      'create',
      '--route',
      'support',
      '--from',
      '2026-11-20',
      '--to',
      '2026-11-20T01:00:00Z',
      '--reason',
      'a good hour',
    )
    expect(made.out).toBe('reference 1 of a (support): 600 requests, 2026-11-20T00:00:00.000Z to 2026-11-20T01:00:00.000Z')
    expect((await weir('reference', 'list')).out).toMatch(/support +a +f{12} +1 +600/)
    const [reference] = JSON.parse((await weir('reference', 'list', '--json')).out) as { id: string }[]
    expect((await weir('reference', 'show', reference?.id ?? '')).out).toMatch(/prompt_tokens +numeric +600 +600/)
    expect((await weir('reference', 'create', '--route', 'support', '--reason', 'x')).error).toMatchObject({
      message: expect.stringContaining('or last'),
    })
    expect((await weir('reference', 'create', '--route', 'support', '--variant', 'b', '--last', '5', '--reason', 'x')).error).toMatchObject(
      {
        message: "'support' has no variant 'b'",
      },
    )
  })

  test('reports who changed, in words, as JSON and as a page that runs nothing', async () => {
    nowMs = dayMs + hourMs + 22 * minuteMs
    await tick()
    const { out } = await weir('report', 'support')
    expect(out).toContain('Users ask otherwise than the reference (data drift).')
    expect(out).toContain('Windows: o!')
    expect(out).toMatch(/prompt_tokens +data +\d+ +\d+ +ks .* alarm/)
    expect((await weir('status')).out).toMatch(/support +a +1 +2026-11-20T01:20 +100 .*prompt_tokens.* users_changed/)
    const report = JSON.parse((await weir('report', 'support', '--json')).out)
    const length = report.data[0].drifting.find(({ signal }: { signal: string }) => signal === 'prompt_length')
    expect(length.examples[0].asked).toContain('Write to [email] about')
    expect(length.bins.reduce((sum: number, { window }: { window: number }) => sum + window, 0)).toBeCloseTo(1)
    await weir('report', 'support', '--html', 'drift.html')
    const page = readFileSync(join(folder, 'drift.html'), 'utf8')
    expect(page).toContain('<svg')
    expect(page).toContain('&lt;script&gt;alert(1)')
    expect(page).not.toMatch(/<script|bob@example|src=|href=/)
  })

  test('metrics show effects and alerts', async () => {
    const text = await metrics.text()
    expect(text).toMatch(/weir_monitor_effect\{route="support",variant="a",signal="prompt_tokens",effect="[^"]+"\} [\d.]+/)
    expect(text).toMatch(/weir_monitor_alert_open\{route="support",variant="a",tag="data"\} 2/)
  })

  test('alerts are looked after, noted and resolved, and their history stays', async () => {
    const alerts = JSON.parse((await weir('alerts', '--json')).out) as { id: string; signal: string }[]
    const id = alerts.find(({ signal }) => signal === 'prompt_tokens')?.id ?? ''
    expect((await weir('ack', id, '--owner', 'bob', '--note', 'a campaign')).out).toBe('bob looks after prompt_tokens of support')
    await weir('note', id, '--note', 'ends on Friday')
    expect((await weir('resolve', id, '--note', 'over')).out).toContain('is resolved')
    expect((await weir('ack', id)).error).toMatchObject({ code: 'conflict' })
    const history = (await weir('alerts', id)).out
    for (const line of [/open +monitor/, /acknowledge +ann.* a campaign/, /note +ann.* ends on Friday/, /resolve +ann.* over/])
      expect(history).toMatch(line)
    expect((await weir('alerts', '--state', 'resolved')).out).toContain('prompt_tokens')
    expect((await weir('alerts', 'nobody')).error).toMatchObject({ code: 'not_found' })
  })

  test('silences are listed while they last', async () => {
    expect((await weir('silence')).out).toBe('Nothing is silenced.')
    await weir('silence', 'support', '--signal', 'latency', '--to', '2026-11-21', '--reason', 'load test')
    expect((await weir('silence')).out).toMatch(/support +latency .* load test/)
    expect((await weir('silence', 'support', '--to', '2026-11-19', '--reason', 'late')).error).toMatchObject({ code: 'invalid_request' })
    nowMs = dayMs + 26 * hourMs
    expect((await weir('silence')).out).toBe('Nothing is silenced.')
  })

  test('signals are documented', async () => {
    const response = await app.request('/admin/monitors/signals')
    const { data } = (await response.json()) as { data: { name: string; kind: string; tag: string }[] }
    expect(data).toContainEqual(expect.objectContaining({ name: 'prompt_embedding', kind: 'vector', tag: 'data' }))
    const { paths } = openApiDocument(mounts)
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/admin/monitors', '/admin/monitors/{name}/report', '/admin/monitors/alerts/{name}/resolve']),
    )
  })
})
