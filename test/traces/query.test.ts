import { beforeAll, expect, test } from 'vitest'
import { insertTraces } from '../../src/traces/insert.ts'
import { countTraces, findTrace, listTraces, type TraceFilter } from '../../src/traces/query.ts'
import { expireTraces } from '../../src/traces/retention.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'

describeDatabases('trace queries', (makeDatabase) => {
  const dayMs = 86_400_000
  const nowMs = 1_800_000_000_000
  let handle: TestDatabase
  let traces: Trace[]
  beforeAll(async () => {
    handle = await makeDatabase()
    traces = Array.from({ length: 25 }, (_, index) =>
      aTrace({
        // Pairs share an instant, so that a page can end between two of them.
        startedAtMs: nowMs - (index >> 1) * dayMs,
        tenant: index % 5 === 0 ? 'other' : 'acme',
        route: index % 2 ? 'odd' : 'even',
        status: index % 10 === 9 ? 'error' : 'ok',
        costUsd: index === 3 ? 0.5 : null,
        variant: index % 2 ? 'b' : 'a',
        rule: index === 4 ? 'free tier' : null,
        arm: index === 6 ? 'candidate' : null,
        errorCode: index === 9 ? 'timeout' : null,
        escalation: index === 8 || index === 9 ? { from: 'small', reason: 'refusal', costUsd: null, upstreamMs: 3 } : null,
      }),
    )
    const records = traces.map((trace) => JSON.stringify(trace))
    await insertTraces(handle.db, records)
    await insertTraces(handle.db, records)
  })

  test("finds a trace for its tenant or an admin, and nobody else's by a guessed id", async () => {
    const [trace] = traces as [Trace]
    expect(await findTrace(handle.db, trace.id, 'other')).toEqual(trace)
    expect(await findTrace(handle.db, trace.id, null)).toEqual(trace)
    expect(await findTrace(handle.db, trace.id, 'acme')).toBeUndefined()
    expect(await findTrace(handle.db, 'guess', null)).toBeUndefined()
  })

  test('pages through all, newest first, each once', async () => {
    const seen: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await listTraces(handle.db, {}, { limit: 4, after })
      seen.push(...page.traces.map((trace) => trace.id))
      if (page.nextCursor === null) break
      after = page.nextCursor
    }
    const newestFirst = traces.toSorted((left, right) => right.startedAtMs - left.startedAtMs || (left.id < right.id ? 1 : -1))
    expect(seen).toEqual(newestFirst.map((trace) => trace.id))
    await expect(listTraces(handle.db, {}, { limit: 4, after: "1_' or 1=1" })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'after',
    })
  })

  test('filters and counts by tenant, route, status and time', async () => {
    const filter = { tenant: 'acme', route: 'odd', fromMs: nowMs - 5 * dayMs, toMs: nowMs }
    const expected = traces.filter(
      (trace) => trace.tenant === 'acme' && trace.route === 'odd' && trace.startedAtMs >= filter.fromMs && trace.startedAtMs < filter.toMs,
    )
    const { traces: listed } = await listTraces(handle.db, filter, { limit: 100 })
    expect(listed.map((trace) => trace.id).sort()).toEqual(expected.map((trace) => trace.id).sort())
    expect(await countTraces(handle.db, filter)).toEqual({
      requests: expected.length,
      errors: expected.filter((trace) => trace.status === 'error').length,
      aborted: 0,
      promptTokens: 12 * expected.length,
      completionTokens: 34 * expected.length,
      costUsd: 0.5,
    })
    expect((await countTraces(handle.db, { status: 'error' })).costUsd).toBeNull()
  })

  test('filters by what decided and what became of it', async () => {
    const found = async (filter: TraceFilter) => {
      const { traces: listed } = await listTraces(handle.db, filter, { limit: 100 })
      return listed.map(({ id }) => traces.findIndex((trace) => trace.id === id)).sort((left, right) => left - right)
    }
    expect(await found({ rule: 'free tier' })).toEqual([4])
    expect(await found({ rule: 'free' })).toEqual([])
    expect(await found({ arm: 'candidate' })).toEqual([6])
    expect(await found({ escalated: true })).toEqual([8, 9])
    expect(await found({ escalated: true, variant: 'b' })).toEqual([9])
    expect(await found({ escalated: false })).toHaveLength(23)
    expect(await found({ errorCode: 'timeout' })).toEqual([9])
  })

  test('expires payloads sooner than traces, in small batches', async () => {
    const signal = new AbortController().signal
    const older = (days: number) => traces.filter((trace) => trace.startedAtMs < nowMs - days * dayMs).length
    const expired = await expireTraces(handle.db, { tracesDays: 8, payloadsDays: 3 }, nowMs, signal, 4)
    expect(expired).toEqual({ traces: older(8), payloads: older(3) })
    expect((await countTraces(handle.db, {})).requests).toBe(25 - older(8))
    expect(await expireTraces(handle.db, { tracesDays: null, payloadsDays: null }, nowMs, signal)).toEqual({ traces: 0, payloads: 0 })
  })
})
