import { sql } from 'drizzle-orm'
import type { Hono } from 'hono'
import { beforeAll, describe, expect, test } from 'vitest'
import { feedbackListRoutes } from '../../src/http/admin/feedback.ts'
import type { Env } from '../../src/http/context.ts'
import { uuidv7 } from '../../src/lib/ids.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import { adminApp } from '../support/admin-app.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'
import { declared, feedbackApp, post } from './support.ts'

type Listing = { data: { metric: string; value: unknown }[]; next_before: string | null }

describeDatabases('POST /v1/feedback', (makeDatabase) => {
  const trace = aTrace()
  const inference_id = trace.id
  let handle: TestDatabase
  let app: Hono<Env>
  beforeAll(async () => {
    handle = await makeDatabase()
    app = feedbackApp({ db: handle.db })
    await insertTraces(handle.db, [JSON.stringify(trace)])
  })

  const stored = async (id: string) =>
    (await handle.db.execute(sql`select metric, inference_id, subject, number, content, tags, key_id from feedback where id = ${id}`))[0]

  test.each([
    ['a boolean', { metric: 'solved', value: false, inference_id }, { number: 0, content: null }],
    ['a float', { metric: 'rating', value: 4.5, inference_id, tags: { page: 'help' } }, { number: 4.5, tags: { page: 'help' } }],
    ['an event without a value', { metric: 'purchase', subject: 'ann' }, { number: 1, subject: 'ann', inference_id: null }],
    ['an event with a value', { metric: 'revenue', value: 9.99, subject: 'ann', session: 's1' }, { number: 9.99 }],
    ['a label', { metric: 'intent', value: 'refund', inference_id }, { number: null, content: 'refund' }],
    ['a comment with characters that Postgres has not', { metric: 'comment', value: 'a\0b\ud800', inference_id }, { content: 'a�b�' }],
    [
      'a demonstration',
      { metric: 'demonstration', value: [{ role: 'assistant', content: 'Hi.' }], inference_id },
      { content: [{ role: 'assistant', content: 'Hi.' }] },
    ],
  ])('stores %s', async (_, body, row) => {
    const answer = await post(app, body)
    expect(answer).toMatchObject({ status: 200, body: { object: 'feedback', duplicate: false } })
    expect(await stored(String(answer.body.id))).toMatchObject({ metric: body.metric, key_id: 'k', ...row })
  })

  test.each([
    ['an unknown metric', { metric: 'sovled', value: true, inference_id }, 'metric'],
    ['a metric named like a property of every object', { metric: 'constructor', value: true, inference_id }, 'metric'],
    ['text for a boolean', { metric: 'solved', value: 'true', inference_id }, 'value'],
    ['a number for a boolean', { metric: 'solved', value: 1, inference_id }, 'value'],
    ['no value', { metric: 'rating', inference_id }, 'value'],
    ['a float out of bounds', { metric: 'rating', value: 6, inference_id }, 'value'],
    ['a label that is not one', { metric: 'intent', value: 'maybe', inference_id }, 'value'],
    ['an empty comment', { metric: 'comment', value: ' ', inference_id }, 'value'],
    ['a message of no role', { metric: 'demonstration', value: [{ role: 'boss', content: '' }], inference_id }, 'value'],
    ['no target', { metric: 'purchase' }, 'inference_id'],
    ['a subject for a metric of answers', { metric: 'solved', value: true, subject: 'ann' }, 'inference_id'],
    ['an id that is none', { metric: 'solved', value: true, inference_id: 'abc' }, 'inference_id'],
    [
      'an old id that nobody knows',
      { metric: 'solved', value: true, inference_id: '01000000-0000-7000-8000-000000000000' },
      'inference_id',
    ],
    ['an id that is not of ours', { metric: 'solved', value: true, inference_id: crypto.randomUUID() }, 'inference_id'],
    ['the future', { metric: 'purchase', subject: 'ann', at: '2999-01-01T00:00:00Z' }, 'at'],
    ['a time without offset', { metric: 'purchase', subject: 'ann', at: '2026-01-01T00:00:00' }, 'at'],
    ['an unknown field', { metric: 'purchase', subject: 'ann', user: 'ann' }, 'user'],
    ['a control character in a name', { metric: 'purchase', subject: 'a\0b' }, 'subject'],
  ])('400 for %s, naming the field', async (_, body, param) => {
    expect(await post(app, body)).toMatchObject({ status: 400, body: { error: { param } } })
  })

  describe('an idempotency key', () => {
    const body = { metric: 'revenue', value: 5, subject: 'bob', idempotency_key: 'order-1' }

    test('stores once what is sent twice, also at the same time', async () => {
      const answers = await Promise.all([post(app, body), post(app, body), post(app, body)])
      expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
      expect(answers.filter((answer) => answer.body.duplicate)).toHaveLength(2)
    })

    test('409 for other feedback under it', async () => {
      expect(await post(app, { ...body, value: 6 })).toMatchObject({ status: 409, body: { error: { param: 'idempotency_key' } } })
    })

    test('belongs to its tenant', async () => {
      const other = await post(feedbackApp({ db: handle.db, tenant: 'other' }), { ...body, value: 6 })
      expect(other).toMatchObject({ status: 200, body: { duplicate: false } })
    })
  })

  test('takes a recent answer whose trace is not there yet, and says so', async () => {
    const late = aTrace()
    const body = { metric: 'solved', value: true, inference_id: late.id }
    expect(await post(app, body)).toMatchObject({ status: 200, body: { matched: false } })
    await insertTraces(handle.db, [JSON.stringify(late)])
    expect(await post(app, body)).toMatchObject({ status: 200, body: { matched: true } })
  })

  test("treats another tenant's answer as one that nobody knows", async () => {
    const foreign = feedbackApp({ db: handle.db, tenant: 'other' })
    expect(await post(foreign, { metric: 'solved', value: true, inference_id })).toMatchObject({ body: { matched: false } })
    const laterOn = feedbackApp({ db: handle.db, tenant: 'other', clock: () => Date.now() + 30 * 86_400_000 })
    expect(await post(laterOn, { metric: 'solved', value: true, inference_id })).toMatchObject({ status: 400 })
  })

  test('is listed for admins, the last stored first, page by page', async () => {
    const admin = adminApp({ '/admin/feedback': feedbackListRoutes({ db: handle.db, metrics: () => declared }) })
    const list = async (query: string) => (await (await admin.request(`/admin/feedback?${query}`)).json()) as Listing
    const { data } = await list(`inference_id=${inference_id}&tenant=default`)
    expect(data.map(({ metric, value }) => [metric, value])).toEqual([
      ['demonstration', [{ role: 'assistant', content: 'Hi.' }]],
      ['comment', 'a�b�'],
      ['intent', 'refund'],
      ['rating', 4.5],
      ['solved', false],
    ])
    const first = await list(`inference_id=${inference_id}&tenant=default&limit=2`)
    const second = await list(`inference_id=${inference_id}&tenant=default&limit=3&before=${first.next_before}`)
    expect([...first.data, ...second.data]).toEqual(data)
    expect((await list('metric=nothing')).data).toEqual([])
  })

  describe('in a batch', () => {
    const count = async () => (await handle.db.execute<{ n: number }>(sql`select count(*)::int as n from feedback`))[0]?.n

    test('stores a thousand, a repeated key once', async () => {
      const before = (await count()) ?? 0
      const items = Array.from({ length: 1_000 }, (_, index) => ({
        metric: 'purchase',
        subject: `s${index}`,
        idempotency_key: index < 2 ? 'twice' : undefined,
      }))
      items[1] = { ...items[0]! }
      const answer = await post(app, { items }, '/v1/feedback/batch')
      expect(answer.status).toBe(200)
      expect(answer.body.data).toHaveLength(1_000)
      expect(await count()).toBe(before + 999)
    })

    test('stores none when one is wrong, and says which', async () => {
      const before = await count()
      const items = [
        { metric: 'purchase', subject: 'x' },
        { metric: 'solved', value: 1, inference_id },
      ]
      expect(await post(app, { items }, '/v1/feedback/batch')).toMatchObject({ status: 400, body: { error: { param: 'items[1].value' } } })
      const clash = [items[0], { metric: 'purchase', subject: 'other', idempotency_key: 'twice' }]
      expect((await post(app, { items: clash }, '/v1/feedback/batch')).status).toBe(409)
      expect(await count()).toBe(before)
    })

    test('400 past a thousand', async () => {
      const items = Array.from({ length: 1_001 }, () => ({ metric: 'purchase', subject: 'x' }))
      expect(await post(app, { items }, '/v1/feedback/batch')).toMatchObject({ status: 400, body: { error: { param: 'items' } } })
    })
  })

  test('an id is not told from an unknown one when it lies in the future', async () => {
    const future = feedbackApp({ db: handle.db, clock: () => Date.now() - 3_600_000 })
    expect(await post(future, { metric: 'solved', value: true, inference_id: uuidv7() })).toMatchObject({ status: 400 })
  })
})
