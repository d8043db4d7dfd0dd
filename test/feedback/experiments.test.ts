import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { experimentCommands } from '../../src/cli/experiments.ts'
import { countExposures, metricByVariant, type Window } from '../../src/feedback/evidence.ts'
import type { Aggregation, NumberMetric } from '../../src/feedback/metric.ts'
import { type ExperimentReportJson, experimentRoutes } from '../../src/http/admin/experiments.ts'
import type { Env } from '../../src/http/context.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { adminApp, runCli } from '../support/admin-app.ts'
import { describeDatabases, type MakeDatabase, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'
import { declared, feedbackApp, post } from './support.ts'

const startMs = Date.parse('2026-11-01T00:00:00Z')
const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString()

/** A database with answers, and a way to say things of them. */
const opened = async (makeDatabase: MakeDatabase, answers: Partial<Trace>[]) => {
  const handle = await makeDatabase()
  const traces = answers.map((changes) => aTrace({ route: 'shop', startedAtMs: startMs, payload: null, metadata: null, ...changes }))
  await insertTraces(
    handle.db,
    traces.map((trace) => JSON.stringify(trace)),
  )
  const say = async (items: object[], tenant = 'default') => {
    const answer = await post(feedbackApp({ db: handle.db, tenant }), { items }, '/v1/feedback/batch')
    expect(answer).toMatchObject({ status: 200 })
  }
  return { handle, traces, say }
}

describeDatabases('evidence', (makeDatabase) => {
  const window: Window = { route: 'shop', fromMs: startMs, toMs: startMs + 3_600_000 }
  let handle: TestDatabase
  beforeAll(async () => {
    const answers: Partial<Trace>[] = [
      { subject: 'ann', variant: 'a' },
      { subject: 'ann', variant: 'a', startedAtMs: startMs + 120_000 },
      { subject: 'bob', variant: 'b' },
      { subject: 'eve', variant: 'a', tenant: 'other' },
      { subject: null, variant: 'b' },
      { subject: 'both', variant: 'a' },
      { subject: 'both', variant: 'b' },
      { subject: 'early', variant: 'a', startedAtMs: startMs - 1 },
      { subject: 'elsewhere', variant: 'a', route: 'other' },
      { subject: 'refused', variant: null },
    ]
    const world = await opened(makeDatabase, answers)
    handle = world.handle
    const [ann1, ann2, bob, , anonymous] = world.traces.map((trace) => trace.id)
    await world.say([
      { metric: 'rating', value: 5, inference_id: ann1, at: at(9) },
      { metric: 'rating', value: 1, inference_id: ann1, at: at(8) },
      { metric: 'rating', value: 2, inference_id: ann2, at: at(7) },
      { metric: 'rating', value: 4, inference_id: anonymous, at: at(6) },
      { metric: 'rating', value: 3, inference_id: bob, at: at(60 * 24 * 9) },
      { metric: 'revenue', value: 10, subject: 'ann', at: at(1) },
      { metric: 'revenue', value: 5, subject: 'ann', at: at(2) },
      { metric: 'revenue', value: 100, subject: 'ann', at: at(-1) },
      { metric: 'revenue', value: 7, inference_id: bob, at: at(3) },
      { metric: 'revenue', value: 1_000, subject: 'both', at: at(3) },
      { metric: 'revenue', value: 9, inference_id: anonymous, at: at(3) },
    ])
    // A subject of the same name in another tenant is somebody else.
    await world.say([{ metric: 'revenue', value: 500, subject: 'ann', at: at(1) }], 'other')
  })

  const meansOf = async (name: string, changes: Partial<NumberMetric>, within = window) => {
    const metric = { ...(declared[name] as NumberMetric), name, ...changes }
    return Object.fromEntries((await metricByVariant(handle.db, within, metric)).map(({ variant, n, mean }) => [variant, [n, mean]]))
  }

  test('counts subjects, requests without one as their own, and leaves out who met two variants', async () => {
    expect(await countExposures(handle.db, window)).toEqual({
      variants: [
        { variant: 'a', subjects: 2, requests: 3 },
        { variant: 'b', subjects: 2, requests: 2 },
      ],
      inSeveralVariants: 1,
    })
    expect((await countExposures(handle.db, { ...window, tenant: 'other' })).variants).toEqual([{ variant: 'a', subjects: 1, requests: 1 }])
  })

  test.each<[Aggregation, number, number]>([
    ['last', 3.5, 3.5],
    ['first', 1.5, 3.5],
    ['mean', 2.5, 3.5],
    ['min', 1.5, 3.5],
    ['max', 3.5, 3.5],
  ])('%s of each answer, then the mean of a subject, however late', async (aggregation, a, b) => {
    expect(await meansOf('rating', { aggregation })).toEqual({ a: [1, a], b: [2, b] })
  })

  test.each<[Aggregation, [number, number], [number, number]]>([
    // Eve is silent: zero to a sum, a count or any, and left out of the rest.
    ['sum', [2, 7.5], [2, 8]],
    ['count', [2, 1], [2, 1]],
    ['any', [2, 0.5], [2, 1]],
    ['last', [1, 5], [2, 8]],
  ])('%s of each subject from its first answer on', async (aggregation, a, b) => {
    expect(await meansOf('revenue', { aggregation })).toEqual({ a, b })
  })

  test('counts silence about an answer as zero too', async () => {
    expect(await meansOf('rating', { aggregation: 'count' })).toEqual({ a: [2, 0.75], b: [2, 1] })
  })

  test('takes the same subjects before the experiment as their past', async () => {
    const metric = { ...(declared.revenue as NumberMetric), name: 'revenue' }
    const [a] = await metricByVariant(handle.db, window, metric, startMs - 3_600_000)
    expect(a).toMatchObject({ variant: 'a', n: 2, pre: { mean: 50, variance: 5_000, covariance: 750 } })
    expect((await metricByVariant(handle.db, window, metric, startMs - 1_000))[0]?.pre).toBeNull()
    expect((await metricByVariant(handle.db, window, { ...metric, aggregation: 'count' }))[0]?.pre).toBeNull()
  })
})

describeDatabases('an experiment reported', (makeDatabase) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-report-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const size = 1_000
  const retained: Record<string, number> = { gate_30: 240, gate_40: 180 }
  let app: Hono<Env>
  beforeAll(async () => {
    const players = Object.keys(retained).flatMap((variant) =>
      Array.from({ length: size }, (_, index) => ({ variant, subject: `${variant}-${index}` })),
    )
    const { handle, say } = await opened(makeDatabase, players)
    for (const variant of Object.keys(retained)) {
      await say(
        Array.from({ length: size }, (_, index) => ({
          metric: 'retention_7',
          value: index < (retained[variant] ?? 0),
          subject: `${variant}-${index}`,
          at: at(60 * 24 * 7),
        })),
      )
    }
    const variants = Object.keys(retained).map((name) => ({ name, weightPercent: 50 }))
    const experiment = { route: 'shop', variants, control: 'gate_30', primaryMetric: 'retention_7', horizonSubjects: 2 * size }
    app = adminApp({ '/admin/experiments': experimentRoutes({ db: handle.db, experiments: () => [experiment], metrics: () => declared }) })
  })
  const report = async (query = '') => (await (await app.request(`/admin/experiments/shop${query}`)).json()) as ExperimentReportJson

  test('as a textbook does: difference, Newcombe interval, pooled z, split', async () => {
    const { split, metrics, variants, conclusion } = await report('?metric=retention_7')
    expect(variants).toEqual(Object.keys(retained).map((name) => ({ name, weight_percent: 50, subjects: size, requests: size })))
    expect(split).toMatchObject({ p: 1, mismatch: false })
    const effect = metrics[0]?.variants[1]?.effect
    expect(effect?.difference).toBeCloseTo(-0.06, 12)
    // statsmodels: confint_proportions_2indep(180, 1000, 240, 1000, method='newcomb'), proportions_ztest
    expect(effect?.interval?.low).toBeCloseTo(-0.09552655380523556, 9)
    expect(effect?.interval?.high).toBeCloseTo(-0.02431411273437789, 9)
    expect(effect?.p).toBeCloseTo(0.000988005809622312, 10)
    expect(metrics[0]?.variants[1]?.verdict?.kind).toBe('worse')
    expect(conclusion).toMatch(/^gate_40: Worse than gate_30: 6\.00 points lower/)
  })

  test('and says nothing of a metric that nobody sent, also where silence is zero', async () => {
    const { metrics } = await report('?metric=revenue')
    expect(metrics[0]?.variants[1]).toMatchObject({ n: 0, mean: null, verdict: { kind: 'no_data' } })
  })

  test.each([
    ['?metric=intent', 'metric'],
    ['?metric=nope', 'metric'],
    ['?pre_from=2026-10-01', 'from'],
    ['?from=2026-11-02&to=2026-11-01', 'to'],
    ['?from=yesterday', 'from'],
    ['?colour=red', 'colour'],
  ])('400 for %s', async (query, param) => {
    const response = await app.request(`/admin/experiments/shop${query}`)
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param } }])
  })

  test('404 for a route without variants to compare', async () => {
    expect((await app.request('/admin/experiments/nowhere')).status).toBe(404)
  })

  test('in words by the command, and as a page without a single outside address', async () => {
    const { code, out } = await runCli(app, experimentCommands, ['experiments', 'report', 'shop', '--metric', 'retention_7'])
    expect(code).toBe(0)
    expect(out).toMatch(/gate_40 +50 % +1000 +1000/)
    expect(out).toContain('Conclusion: gate_40: Worse than gate_30')

    const written = await runCli(app, experimentCommands, ['experiments', 'report', 'shop', '--html', 'report.html'], { folder })
    expect(written.code).toBe(0)
    const page = readFileSync(join(folder, 'report.html'), 'utf8')
    expect(page).toContain('<svg')
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|<link|<img/)
    expect(page).not.toMatch(/NaN|undefined|\[object/)
  })

  test('is listed', async () => {
    const { out } = await runCli(app, experimentCommands, ['experiments', 'list'])
    expect(out).toMatch(/shop +gate_30 50 %, gate_40 50 % +gate_30 +retention_7/)
  })
})

describe('the page', () => {
  test('escapes what the configuration and clients named', async () => {
    const { experimentPage } = await import('../../src/http/admin/experiment-page.ts')
    const { readMetric } = await import('../../src/rollout/experiment.ts')
    const evil = '<script>alert(1)</script>'
    const arms = ['a', evil].map((variant) => ({
      variant,
      weightPercent: 50,
      subjects: 9,
      values: { n: 9, mean: 0.5, variance: 0.2, binary: true, pre: null },
    }))
    const metric = declared.retention_7 as NumberMetric
    const reading = readMetric(arms, { control: 'a', direction: 'increase', alpha: 0.05, split: null })
    const page = await experimentPage({
      experiment: { route: evil, variants: [], control: 'a', primaryMetric: undefined, horizonSubjects: undefined },
      options: { alpha: 0.05 },
      variants: arms.map((arm) => ({ ...arm, requests: 9 })),
      leftOut: { ofOtherVariants: 0, ofSeveralVariants: 0 },
      split: null,
      metrics: [{ ...metric, ...reading, name: evil, primary: false, unmatched: 0 }],
      conclusion: evil,
    })
    expect(String(page)).not.toContain('<script')
  })
})
