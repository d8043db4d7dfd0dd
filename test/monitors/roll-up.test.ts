import { sql } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import { readDistributions } from '../../src/monitors/distribution.ts'
import { fillSamples } from '../../src/monitors/fill-samples.ts'
import { rollUp, samplesPerMinute } from '../../src/monitors/roll-up.ts'
import { signals } from '../../src/monitors/signals.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { chatPayload, dayMs, hash, minuteMs, serve } from './traffic.ts'

describeDatabases('rolling up', (makeDatabase) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await makeDatabase()
  })
  const rolled = (nowMs: number, latenessMs = 5 * minuteMs) =>
    database.db.transaction((tx) => rollUp(tx, { route: 'support', nowMs, latenessMs, embed: false }))
  const stored = async () => ({
    minutes: await database.db.execute(sql`select minute, variant, requests from monitor_minutes order by minute`),
    counts: await database.db.execute(sql`select minute, signal, value, n from monitor_counts order by 1, 2, 3`),
    samples: await database.db.execute(sql`select trace_id, minute, priority from monitor_samples order by priority`),
  })

  test('counts live requests by minute, and whatever is done twice changes nothing', async () => {
    const { db } = database
    await serve(db, {
      fromMs: dayMs,
      toMs: dayMs + 3 * minuteMs,
      count: 90,
      each: (index) => (index % 10 === 0 ? { status: 'error' } : {}),
    })
    await serve(db, { fromMs: dayMs, toMs: dayMs + minuteMs, count: 5, each: () => ({ purpose: 'eval' }) })
    await serve(db, { fromMs: dayMs, toMs: dayMs + minuteMs, count: 5, each: () => ({ route: 'another' }) })
    await rolled(dayMs + 4 * minuteMs)
    const first = await stored()
    expect(first.minutes.map(({ requests }) => requests)).toEqual([30, 30, 30])
    expect(first.counts.filter(({ signal }) => signal === 'failed').map(({ value, n }) => [value, n])).toEqual([
      ['no', 27],
      ['yes', 3],
      ['no', 27],
      ['yes', 3],
      ['no', 27],
      ['yes', 3],
    ])
    expect(first.samples).toHaveLength(90)
    await db.execute(sql`update monitor_watermarks set rolled_to = ${new Date(dayMs).toISOString()}::timestamptz`)
    await rolled(dayMs + 4 * minuteMs)
    expect(await stored()).toEqual(first)
  })

  test('a trace that arrives late is counted, and no later than the lateness', async () => {
    const { db } = database
    await serve(db, { fromMs: dayMs, toMs: dayMs + 10 * minuteMs, count: 100 })
    await rolled(dayMs + 10 * minuteMs + 10_000)
    await serve(db, { fromMs: dayMs + 8 * minuteMs, toMs: dayMs + 9 * minuteMs, count: 7 })
    await serve(db, { fromMs: dayMs + minuteMs, toMs: dayMs + 2 * minuteMs, count: 7 })
    await rolled(dayMs + 14 * minuteMs + 10_000)
    const { minutes, samples } = await stored()
    expect(minutes.map(({ requests }) => requests)).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 17, 10])
    expect(samples).toHaveLength(107)
  })

  test('a late trace takes its place in a full sample', async () => {
    const { db } = database
    await serve(db, { fromMs: dayMs, toMs: dayMs + minuteMs, count: 400 })
    await rolled(dayMs + 2 * minuteMs)
    await serve(db, { fromMs: dayMs, toMs: dayMs + minuteMs, count: 400 })
    await rolled(dayMs + 7 * minuteMs)
    const { samples } = await stored()
    const all = await db.execute(
      sql`select id, uuid_hash_extended(id, 20261127) as priority from traces order by priority limit ${samplesPerMinute}`,
    )
    expect(samples.map(({ trace_id }) => trace_id)).toEqual(all.map(({ id }) => id))
  })

  test('a sample of minutes with very different traffic gives every request the same chance', async () => {
    const { db } = database
    const slow = { latencyMs: 1000 }
    await serve(db, { fromMs: dayMs, toMs: dayMs + minuteMs, count: 1600, each: () => slow })
    await serve(db, { fromMs: dayMs + minuteMs, toMs: dayMs + 9 * minuteMs, count: 1600, each: () => ({ latencyMs: 10 }) })
    await rolled(dayMs + 10 * minuteMs)
    await fillSamples(db, 'support', new AbortController().signal)
    const found = await readDistributions(db, { route: 'support', variantHash: hash, fromMs: dayMs, toMs: dayMs + 9 * minuteMs }, signals)
    const latency = found.get('latency')
    if (latency?.kind !== 'numeric') throw new Error('no latency')
    // An eighth of each half: 200 of 1,600 and about as many of the others.
    expect(latency.n).toBeGreaterThan(330)
    expect(latency.n).toBeLessThan(470)
    const share = latency.values.filter(({ value }) => value === 1000).length / latency.n
    expect(share).toBeGreaterThan(0.4)
    expect(share).toBeLessThan(0.6)
  })

  test('of very many requests in a minute a share stands for all', async () => {
    const { db } = database
    await db.execute(sql`
      insert into traces (id, started_at, endpoint, status, tenant, route, variant, variant_hash, stream, latency_ms, attempts)
      select gen_random_uuid(), ${new Date(dayMs).toISOString()}::timestamptz + interval '1 minute' * (n / 24000.0), 'chat',
        case when n % 10 = 0 then 'error' else 'ok' end, 'default', 'support', 'a', ${hash}, false, 5, 1
      from generate_series(0, 23999) as n`)
    await rolled(dayMs + 2 * minuteMs)
    const { minutes, counts, samples } = await stored()
    expect(minutes.map(({ requests }) => requests)).toEqual([24_000])
    expect(samples).toHaveLength(samplesPerMinute)
    const failed = Object.fromEntries(counts.filter(({ signal }) => signal === 'failed').map(({ value, n }) => [value, Number(n)]))
    expect((failed.yes ?? 0) + (failed.no ?? 0)).toBe(24_000)
    // Four standard errors of a share of a quarter.
    expect(Math.abs((failed.yes ?? 0) - 2400)).toBeLessThan(330)
  })

  test('samples tell what a payload says, and an absent one tells nothing', async () => {
    const { db } = database
    const [asked, , blank] = await serve(db, {
      fromMs: dayMs,
      toMs: dayMs + minuteMs,
      count: 3,
      each: (index) =>
        [
          {
            payload: chatPayload('Wo finde ich bitte meine Karte? Ich suche sie schon lange.', 'Here [1].', {
              passages: [{ score: 0.8 }, { score: 0.5 }],
            }),
          },
          { payload: chatPayload('What now?', "I'm sorry, I cannot help with that.", { passages: [] }) },
          { payload: null },
        ][index] ?? {},
    })
    await rolled(dayMs + 2 * minuteMs)
    expect(await fillSamples(db, 'support', new AbortController().signal)).toBe(3)
    const rows = await db.execute<{ trace_id: string; signals: object }>(sql`select trace_id, signals from monitor_samples`)
    const of = (id: string | undefined) => rows.find(({ trace_id }) => trace_id === id)?.signals
    expect(of(asked?.id)).toMatchObject({
      language: 'de',
      retrieval_score: 0.8,
      retrieval_empty: 'no',
      cited: 'yes',
      refused: 'no',
      latency: 12.5,
    })
    expect(rows.filter(({ signals: read }) => (read as { refused?: string }).refused === 'yes')).toHaveLength(1)
    expect(of(blank?.id)).toEqual({ prompt_tokens: 12, completion_tokens: 34, latency: 12.5, first_token: 3.25, cost: 0.00012 })
  })
})
