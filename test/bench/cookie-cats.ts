/**
 * Does a real A/B test, sent through the feedback API, come out as a textbook reads it, and how long does that take?
 *
 * The cookie cats data: 90,189 players who met the gate at level 30 or 40, and whether they came back after 1 and 7 days. Each player
 * is a subject with one trace; what they did is sent to `POST /v1/feedback/batch`, and the report is asked for.
 *   bun test/bench/cookie-cats.ts <cookie_cats.csv> [report.html]     PGlite, or the empty Postgres of DATABASE_URL
 *
 * Textbook figures (scipy 1.17, statsmodels 0.14): retention after 7 days 8502/44700 against 8279/45489, difference −0.820130 points,
 * z = −3.164359, p = 0.001554250, Newcombe's 95 % interval −1.328194 to −0.312130 points (Wald's: −1.328155 to −0.312104);
 * after 1 day 20034 against 20119, −0.590517 points, p = 0.074409655, −1.239190 to 0.058210; sample ratio χ² = 6.902405, p = 0.008607988.
 * Rounds played: −1.157488, Welch's p = 0.375924384, −3.719705 to 1.404728.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { experimentRoutes } from '../../src/http/admin/experiments.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import { feedbackApp, post } from '../feedback/support.ts'
import { aTrace } from '../support/trace.ts'

const [csv, page] = process.argv.slice(2)
if (!csv) throw new Error('usage: bun test/bench/cookie-cats.ts <cookie_cats.csv> [report.html]')

const metrics: Metrics = {
  retention_7: { type: 'boolean', direction: 'increase', level: 'subject', role: 'guardrail', aggregation: 'last' },
  retention_1: { type: 'boolean', direction: 'increase', level: 'subject', role: 'signal', aggregation: 'last' },
  game_rounds: { type: 'float', direction: 'increase', level: 'subject', role: 'report', aggregation: 'last' },
}
const expected = [
  ['retention_7', -0.008201298315205913, -0.013281940871914845, -0.00312130268876128, 0.001554249975614329],
  ['retention_1', -0.005905169787341458, -0.012391904992707325, 0.000582095069752226, 0.07440965529691913],
  ['game_rounds', -1.15748845395325, -3.7197051164946457, 1.4047282085881476, 0.37592438409326173],
] as const

const players = readFileSync(csv, 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [id = '', variant = '', rounds, day1, day7] = line.trim().split(',')
    return { id, variant, rounds: Number(rounds), day1: day1 === 'TRUE', day7: day7 === 'TRUE' }
  })

const stateDir = mkdtempSync(join(tmpdir(), 'weir-cookie-cats-'))
const handle = await openDatabase({ url: process.env.DATABASE_URL, stateDir })
await migrate(handle.db)
const installedMs = Date.parse('2026-11-01T00:00:00Z')
const chunks = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, index) => list.slice(index * size, (index + 1) * size))
const timed = async (what: string, work: () => Promise<void>) => {
  const start = performance.now()
  await work()
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`)
}

await timed(`${players.length} traces`, async () => {
  for (const chunk of chunks(players, 500)) {
    const traces = chunk.map(({ id, variant }) =>
      aTrace({ route: 'gate', variant, subject: id, startedAtMs: installedMs, payload: null, metadata: null }),
    )
    await insertTraces(
      handle.db,
      traces.map((trace) => JSON.stringify(trace)),
    )
  }
})

const app = feedbackApp({ db: handle.db, metrics })
const at = (days: number) => new Date(installedMs + days * 86_400_000).toISOString()
await timed(`${players.length * 3} feedback items in batches of 1,000`, async () => {
  const items = players.flatMap(({ id, rounds, day1, day7 }) => [
    { metric: 'retention_1', value: day1, subject: id, at: at(1), idempotency_key: `${id}/1` },
    { metric: 'retention_7', value: day7, subject: id, at: at(7), idempotency_key: `${id}/7` },
    { metric: 'game_rounds', value: rounds, subject: id, at: at(14), idempotency_key: `${id}/rounds` },
  ])
  for (const chunk of chunks(items, 1_000)) {
    const { status, body } = await post(app, { items: chunk }, '/v1/feedback/batch')
    if (status !== 200) throw new Error(JSON.stringify(body))
  }
})

const variants = ['gate_30', 'gate_40'].map((name) => ({ name, weightPercent: 50 }))
const experiment = { route: 'gate', variants, control: 'gate_30', primaryMetric: 'retention_7', horizonSubjects: 90_000 }
const admin = experimentRoutes({ db: handle.db, experiments: () => [experiment], metrics: () => metrics })
const close = (got: number | undefined, wanted: number) => {
  if (got === undefined || Math.abs(got - wanted) > 1e-9) throw new Error(`${got} where the textbook has ${wanted}`)
}
await timed('the report', async () => {
  const report = (await (await admin.request('/gate')).json()) as Report
  close(report.split.p, 0.008607987810836262)
  for (const [name, difference, low, high, p] of expected) {
    const effect = report.metrics.find((metric) => metric.name === name)?.variants[1]?.effect
    close(effect?.difference, difference)
    close(effect?.interval.low, low)
    close(effect?.interval.high, high)
    close(effect?.p, p)
    console.log(name, JSON.stringify(effect))
  }
  console.log(`sample ratio p = ${report.split.p}`)
  console.log(report.conclusion)
})
if (page) writeFileSync(page, await (await admin.request('/gate?format=html')).text())
await handle.close()
rmSync(stateDir, { recursive: true, force: true })

type Report = {
  split: { p: number }
  conclusion: string
  metrics: { name: string; variants: { effect: { difference: number; interval: { low: number; high: number }; p: number } | null }[] }[]
}
