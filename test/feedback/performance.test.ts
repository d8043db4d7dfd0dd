import type { Hono } from 'hono'
import { beforeAll, describe, expect, test } from 'vitest'
import { readPrediction } from '../../src/feedback/prediction.ts'
import { performanceRoutes } from '../../src/http/admin/performance.ts'
import type { Env } from '../../src/http/context.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import { adminApp } from '../support/admin-app.ts'
import { describeDatabases } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'
import { declared, feedbackApp, post } from './support.ts'

describeDatabases('GET /admin/routes/{route}/performance', (makeDatabase) => {
  const monday = Date.parse('2026-11-16T10:00:00Z')
  const dayMs = 86_400_000
  let app: Hono<Env>
  beforeAll(async () => {
    const { db } = await makeDatabase()
    const scored = (label: string, refund: number) => JSON.stringify({ label, scores: { refund, other: 1 - refund } })
    // Answer, variant, days after Monday, what was right.
    const answers: [string | null, string, number, string][] = [
      [scored('refund', 0.9), 'a', 0, 'refund'],
      [scored('refund', 0.6), 'a', 1, 'other'],
      [scored('other', 0.2), 'a', 1, 'other'],
      ['Refund.', 'b', 0, 'refund'],
      ['I cannot say', 'b', 7, 'refund'],
      [null, 'b', 7, 'refund'],
    ]
    const traces = answers.map(([text, variant, days]) =>
      aTrace({
        route: 'team/intents',
        variant,
        startedAtMs: monday + days * dayMs,
        payload: text === null ? null : { input: {}, output: [{ text }] },
      }),
    )
    await insertTraces(
      db,
      traces.map((trace) => JSON.stringify(trace)),
    )
    const labels = answers.map(([, , , value], index) => ({ metric: 'intent', value, inference_id: traces[index]?.id }))
    // The newest label counts: the first was put right.
    const items = [{ ...labels[0], value: 'other', at: '2026-11-17T00:00:00Z' }, ...labels]
    expect(await post(feedbackApp({ db }), { items }, '/v1/feedback/batch')).toMatchObject({ status: 200 })
    app = adminApp({ '/admin/routes': performanceRoutes({ db, metrics: () => declared }) })
  })
  const get = async (query = '') => (await app.request(`/admin/routes/team/intents/performance${query}`)).json()

  test('gives each variant its figures, and counts what could not be read as wrong', async () => {
    const { variants, metric, positive } = (await get()) as { variants: unknown[]; metric: string; positive: string }
    expect([metric, positive]).toEqual(['intent', 'refund'])
    expect(variants).toMatchObject([
      {
        name: 'a',
        n: 3,
        without_answer: 0,
        accuracy: 2 / 3,
        confusion: [
          [1, 0],
          [1, 1],
        ],
        classes: [
          { label: 'refund', precision: 0.5, recall: 1, support: 1 },
          { label: 'other', precision: 1, recall: 0.5, support: 2 },
        ],
        probabilities: { n: 3, roc_auc: 1, brier: (0.01 + 0.36 + 0.04) / 3 },
      },
      { name: 'b', n: 2, without_answer: 1, unreadable: 1, accuracy: 0.5, probabilities: null },
    ])
  })

  test('gives the same over days and weeks', async () => {
    const places = async (period: string) => {
      const { over_time } = (await get(`?period=${period}`)) as { over_time: { from: string; name: string; n: number; accuracy: number }[] }
      return over_time.map(({ from, name, n, accuracy }) => [from.slice(0, 10), name, n, accuracy])
    }
    expect(await places('day')).toEqual([
      ['2026-11-16', 'a', 1, 1],
      ['2026-11-16', 'b', 1, 1],
      ['2026-11-17', 'a', 2, 0.5],
      ['2026-11-23', 'b', 1, 0],
    ])
    expect(await places('week')).toEqual([
      ['2026-11-16', 'a', 3, 2 / 3],
      ['2026-11-16', 'b', 1, 1],
      ['2026-11-23', 'b', 1, 0],
    ])
  })

  test('takes only the requests of its period', async () => {
    expect(await get('?from=2026-11-17&to=2026-11-18')).toMatchObject({ variants: [{ name: 'a', n: 2 }] })
  })

  test('400 for a metric that is no label', async () => {
    expect(await get('?metric=solved')).toMatchObject({ error: { param: 'metric' } })
  })
})

describe('a prediction', () => {
  const labels = ['spam', 'not spam']
  test.each([
    ['the bare label', ' spam\n', 'spam', null],
    ['capitals and a full stop', 'Not spam.', 'not spam', null],
    ['a label in JSON', '{"label": "spam"}', 'spam', null],
    ['scores', '{"scores": {"spam": 0.25, "not spam": 0.75}}', 'not spam', { spam: 0.25, 'not spam': 0.75 }],
    ['the score of one of two', '{"label": "spam", "score": 0.75}', 'spam', { spam: 0.75, 'not spam': 0.25 }],
    ['scores that are no probabilities', '{"label": "spam", "scores": {"spam": 3, "not spam": 1}}', 'spam', null],
    ['scores that leave one out', '{"label": "spam", "scores": {"spam": 1}}', 'spam', null],
  ])('is read from %s', (_, answer, label, probabilities) => {
    expect(readPrediction(labels, answer)).toEqual({ label, probabilities })
  })

  test.each(['', 'maybe spam', '[]', 'null', '{"label": 7}', '{"label": "ham"}'])('is not read from %j', (answer) => {
    expect(readPrediction(labels, answer)).toBeNull()
  })
})
