import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse as parseCsv } from 'csv-parse/sync'
import { afterAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { createFeedback } from '../../src/feedback/feedback.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { openAiCompatible } from '../../src/models/providers/openai-compatible.ts'
import { type Alert, listAlerts } from '../../src/monitors/alerts.ts'
import { newestReferences } from '../../src/monitors/controller.ts'
import { createReference } from '../../src/monitors/reference.ts'
import { readReport } from '../../src/monitors/report.ts'
import { signals, signalsOf } from '../../src/monitors/signals.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import { startGateway } from '../http/gateway.ts'
import { describeDatabases } from '../support/database.ts'
import { startFaultyUpstream } from '../support/faulty-upstream.ts'
import { scratch } from '../support/local-models.ts'
import { dayMs, hash, minuteMs, monitor, planOf } from './traffic.ts'

const root = resolve(import.meta.dirname, '../..')
const starter = parseConfig(readFileSync(join(root, 'weir.yaml'), 'utf8'), 'weir.yaml', {}).models['starter-embed']
if (starter?.kind !== 'embedding' || !('files' in starter)) throw new Error('weir.yaml has no starter-embed')
const engine = createOnnxEngine({ cacheDir: scratch(), log: () => undefined, threads: 1 })
const embedder = engine.embedder({
  id: 'starter-embed',
  directory: join(root, starter.path),
  files: Object.entries(starter.files).map(([path, sha256]) => ({ path, sha256 })),
  dimensions: starter.dimensions,
})
afterAll(() => engine.close())

/** What users ask, by what they are about: `usual` of every day, `fresh` after the mix has changed. */
type Questions = { usual: string[]; fresh: string[] }

const filled = (templates: string[], things: string[]): string[] =>
  templates.flatMap((template) => things.map((thing) => template.replace('@', thing)))
const selfMade: Questions = {
  usual: filled(
    ['Where is my @?', 'I ordered a @ last week and it has not come.', 'Can I track the @ that I bought?', 'How long until the @ arrives?'],
    ['card', 'book', 'lamp', 'phone', 'chair', 'parcel', 'bicycle', 'jacket', 'kettle', 'mirror'],
  ),
  fresh: filled(
    [
      'My password for the @ does not work.',
      'How do I log in to the @ again?',
      'The @ says that my account is locked.',
      'Please reset my access to the @.',
    ],
    ['website', 'app', 'portal', 'shop', 'wallet', 'mailbox', 'dashboard', 'forum', 'console', 'archive'],
  ),
}

const bankingFolder = join(process.env.WEIR_TEST_SHARED ?? resolve(root, '../shared'), 'data/banking77')
const banking = (): Questions => {
  const rows = parseCsv(readFileSync(join(bankingFolder, 'train.csv'), 'utf8'), { columns: true }) as { text: string; category: string }[]
  const about = (words: RegExp) => rows.filter(({ category }) => words.test(category)).map(({ text }) => text)
  return { usual: about(/card|pin|cash/), fresh: about(/transfer|top_up|exchange|fiat|beneficiary/) }
}
if (!existsSync(bankingFolder)) console.info('../shared/data/banking77 is not there: drift is tested on self-made questions alone.')

const metrics: Metrics = { solved: { type: 'boolean', direction: 'increase', role: 'report', level: 'inference', aggregation: 'last' } }
const good = [
  'You find it in the settings of your account, in the second section from the top.',
  'Please open the app, choose the product, and follow the three steps that it shows you.',
  'That takes up to five working days; after that, write to us again with the number.',
  'Yes. Open the list, tap the entry and confirm with your code; it is done at once.',
]
const bad = ["I'm sorry, I cannot help with that.", 'Yes.', 'Please ask somebody else.', 'It depends.']

describeDatabases('drift, end to end', (makeDatabase, database) => {
  const kinds: [string, () => Questions][] = [['self-made questions', () => selfMade]]
  if (existsSync(bankingFolder) && database === 'pglite') kinds.push(['banking77', banking])

  describe.each(kinds)('with %s', (_, questions) => {
    /** Traffic through a gateway: 40 minutes for the reference, two quiet windows of ten minutes, two in which something changed. */
    const play = async (changed: { freshShare: number; badShare: number }) => {
      const { db } = await makeDatabase()
      const { usual, fresh } = questions()
      const random = seededRandom(20_261_128)
      const pick = <One>(all: readonly One[]): One => all[Math.floor(random() * all.length)] as One
      let nowMs = dayMs
      let now = { freshShare: 0, badShare: 0 }
      let answeredBadly = false
      await using upstream = await startFaultyUpstream(({ json, request: { body } }) => {
        const asked: string = body.messages.at(-1).content
        answeredBadly = random() < now.badShare
        const content = pick(answeredBadly ? bad : good)
        const tokens = (text: string) => text.split(/\s+/).length
        json({
          ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm-1' },
          choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
          usage: { prompt_tokens: tokens(asked), completion_tokens: tokens(content), total_tokens: 0 },
        })
      })
      const model = openAiCompatible({ id: 'chat', baseUrl: upstream.url, apiKey: undefined, headers: {}, model: 'm' })
      const variant = { name: 'a', weightPercent: 100, model: 'chat', defaults: {}, hash }
      const gateway = startGateway({
        models: [model],
        routes: [{ name: 'support', seed: 's', variants: [variant] }],
        app: { clock: () => nowMs },
      })
      const feedback = createFeedback({ db, metrics: () => metrics, clock: () => nowMs })
      // How long answers take is the machine's to say, and other tests run on it.
      const plan = planOf({ embedder: 'starter-embed', signals: { latency: { enabled: false }, first_token: { enabled: false } } })
      const look = monitor({
        ...{ db, now: () => nowMs, plan, embedderOf: () => embedder },
        signals: () => signalsOf({ metrics, scorers: [] }),
      })
      const minute = async () => {
        const said: { id: string; value: boolean }[] = []
        for (let request = 0; request < 10; request += 1) {
          const content = pick(random() < now.freshShare ? fresh : usual)
          const response = await gateway.post('/v1/chat/completions', { model: 'support', messages: [{ role: 'user', content }] })
          await response.text()
          // Whoever gets a bad answer mostly says so.
          said.push({ id: gateway.traces.at(-1)?.id ?? '', value: random() < (answeredBadly ? 0.15 : 0.85) })
        }
        await insertTraces(
          db,
          gateway.traces.splice(0).map((trace) => JSON.stringify(trace)),
        )
        const items = said.map(({ id, value }) => ({ metric: 'solved', value, inferenceId: id }))
        await feedback.add(items, { tenant: 'acme', keyId: null, many: true })
        nowMs += minuteMs
      }
      const minutes = async (count: number) => {
        for (let at = 0; at < count; at += 1) await minute()
      }
      try {
        await minutes(40)
        nowMs = dayMs + 42 * minuteMs
        await look.tick()
        await createReference(db, signalsOf({ metrics, scorers: [] }), {
          ...{ route: 'support', variant: 'a', variantHash: hash, fromMs: dayMs, toMs: dayMs + 40 * minuteMs, perHour: false },
          ...{ actor: 'ann', reason: 'a good time', nowMs },
        })
        nowMs = dayMs + 40 * minuteMs
        await minutes(20)
        now = changed
        const changedMs = nowMs
        await minutes(20)
        nowMs += 2 * minuteMs
        await look.tick()
        expect(look.thrown).toEqual([])
        expect(await newestReferences(db, 'support')).toHaveLength(1)
        const [report] = await readReport(db, 'support', { wanted: signals, texts: {} })
        const windows = (report?.timeline ?? []).map(({ window, findings }) => ({ window, alarms: findings.filter(({ alarm }) => alarm) }))
        return {
          alerts: await listAlerts(db, { limit: 50 }),
          quiet: windows.filter(({ window }) => window.fromMs < changedMs).flatMap(({ alarms }) => alarms),
          windowsUntilAlarm: windows.filter(({ window }) => window.fromMs >= changedMs).findIndex(({ alarms }) => alarms.length > 0) + 1,
          report,
        }
      } finally {
        await gateway.close()
      }
    }
    const about = (alerts: readonly Alert[], tag: Alert['tag']) => alerts.filter((alert) => alert.tag === tag).map(({ signal }) => signal)

    test('a changed mix of questions is data drift within two windows, and no concept drift', async () => {
      const { alerts, quiet, windowsUntilAlarm, report } = await play({ freshShare: 0.7, badShare: 0 })
      expect(quiet).toEqual([])
      expect(windowsUntilAlarm).toBe(2)
      expect(about(alerts, 'data')).toContain('prompt_embedding')
      expect(about(alerts, 'quality')).toEqual([])
      expect(report?.verdict.kind).toBe('users_changed')
      const examples = report?.drifting.find(({ signal }) => signal === 'prompt_embedding')?.examples ?? []
      expect(examples.filter(({ asked }) => questions().fresh.includes(asked ?? '')).length).toBeGreaterThan(2)
    }, 120_000)

    test('worse answers to the same questions are concept drift within two windows, and no data drift', async () => {
      const { alerts, quiet, windowsUntilAlarm, report } = await play({ freshShare: 0, badShare: 0.6 })
      expect(quiet).toEqual([])
      expect(windowsUntilAlarm).toBe(2)
      expect(about(alerts, 'quality')).toEqual(expect.arrayContaining(['refused', 'feedback:solved', 'completion_tokens']))
      expect(about(alerts, 'data')).toEqual([])
      expect(report?.verdict.kind).toBe('answers_changed')
    }, 120_000)
  })
})
