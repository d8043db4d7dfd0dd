import { sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { createFeedback } from '../../src/feedback/feedback.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { type Distribution, readDistributions } from '../../src/monitors/distribution.ts'
import { fromHours, toHours } from '../../src/monitors/reference-signals.ts'
import { signalsOf } from '../../src/monitors/signals.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { chatPayload, dayMs, hash, hourMs, minuteMs, serve } from './traffic.ts'

const common = { direction: 'increase', role: 'report', aggregation: 'last' } as const
const metrics: Metrics = {
  solved: { ...common, type: 'boolean', level: 'inference' },
  rating: { ...common, type: 'float', level: 'inference' },
  bought: { ...common, type: 'boolean', level: 'subject' },
  intent: { type: 'label', labels: ['refund', 'other'] },
}
const wanted = signalsOf({ metrics, scorers: ['helpful'] })

describeDatabases('what people and scorers say of answers', (makeDatabase) => {
  let database: TestDatabase
  let traces: Trace[]
  let nowMs = dayMs
  const window = { route: 'support', variantHash: hash, fromMs: dayMs + hourMs, toMs: dayMs + 2 * hourMs }
  beforeAll(async () => {
    database = await makeDatabase()
    traces = await serve(database.db, {
      ...{ fromMs: dayMs, toMs: dayMs + 10 * minuteMs, count: 10 },
      each: (index) => ({ payload: chatPayload('Money back?', index < 6 ? 'refund' : 'other') }),
    })
    const feedback = createFeedback({ db: database.db, metrics: () => metrics, clock: () => nowMs })
    const say = (metric: string, values: unknown[], ofMs: number) => {
      nowMs = ofMs
      const items = values.map((value, index) => ({ metric, value, inferenceId: traces[index]?.id }))
      return feedback.add(items, { tenant: 'default', keyId: null, many: true })
    }
    // Long after the answers, and once more by the first, who changed their mind.
    await say('solved', [true, true, true, false], window.fromMs + minuteMs)
    await say('solved', [false], window.fromMs + 2 * minuteMs)
    await say('solved', [false, false, false, false], window.toMs)
    await say('rating', [1, 2.5], window.fromMs)
    await say('intent', ['refund', 'other', 'refund', 'refund', 'refund', 'refund', 'refund'], window.fromMs + minuteMs)
    for (const [index, score] of [0.5, 0.75].entries()) {
      await database.db.execute(sql`
        insert into online_scores (trace_id, scorer, tenant, route, variant_hash, score, reason, started_at, at)
        values (${traces[index]?.id ?? ''}, 'helpful', 'default', 'support', ${hash}, ${score}, '', ${iso(dayMs)}::timestamptz, ${iso(window.fromMs)}::timestamptz)`)
    }
  })
  const counts = (distribution: Distribution | undefined) =>
    distribution && 'counts' in distribution ? Object.fromEntries(distribution.counts.map(({ value, n }) => [value, n])) : undefined

  test('counts when it arrives, and the newest word on an answer', async () => {
    const found = await readDistributions(database.db, window, wanted)
    expect(counts(found.get('feedback:solved'))).toEqual({ yes: 2, no: 2 })
    const rating = found.get('feedback:rating')
    expect(rating?.kind === 'numeric' && rating.values.map(({ value }) => value).sort()).toEqual([1, 2.5])
    expect(found.has('feedback:bought')).toBe(false)
  })

  test('gives the share of labelled answers that were right', async () => {
    const found = await readDistributions(database.db, window, wanted)
    expect(counts(found.get('accuracy:intent'))).toEqual({ yes: 5, no: 2 })
  })

  test('includes the scores of live answers', async () => {
    const score = (await readDistributions(database.db, window, wanted)).get('score:helpful')
    expect(score?.kind === 'numeric' && score.values.map(({ value }) => value).sort()).toEqual([0.5, 0.75])
  })

  test('of another variant or another hour is not in it', async () => {
    expect((await readDistributions(database.db, { ...window, variantHash: 'e'.repeat(64) }, wanted)).size).toBe(0)
    expect((await readDistributions(database.db, { ...window, fromMs: dayMs, toMs: dayMs + minuteMs }, wanted)).size).toBe(0)
  })
})

test('a distribution is the same after it was stored', () => {
  const all: Distribution[] = [
    {
      kind: 'numeric',
      n: 5,
      values: [
        { hour: 1, value: 0.1 },
        { hour: 1, value: -3 },
        { hour: 23, value: 7 },
      ],
    },
    {
      kind: 'rate',
      n: 3,
      counts: [
        { hour: 2, value: 'yes', n: 1 },
        { hour: 5, value: 'no', n: 2 },
      ],
    },
    {
      kind: 'vector',
      n: 2,
      model: 'm',
      vectors: [
        { hour: 0, vector: Float32Array.of(0.25, -1) },
        { hour: 4, vector: Float32Array.of(3, 4) },
      ],
    },
  ]
  for (const one of all) expect(fromHours(one.kind, one.n, JSON.parse(JSON.stringify(toHours(one))))).toEqual(one)
})

const iso = (ms: number) => new Date(ms).toISOString()
