import { sql } from 'drizzle-orm'
import { beforeEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { alertEvents, isSilenced, listAlerts, resolveAlert, silence } from '../../src/monitors/alerts.ts'
import { lastRequests, referenceSignals } from '../../src/monitors/reference.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { dayMs, hash, hourMs, minuteMs, monitor, planOf, referenceOf, serve } from './traffic.ts'

describeDatabases('windows', (makeDatabase, kind) => {
  let database: TestDatabase
  let nowMs: number
  beforeEach(async () => {
    database = await makeDatabase()
    nowMs = dayMs
  })
  const random = seededRandom(20_261_127)
  const usual = (changes: Partial<Trace> = {}) => ({
    promptTokens: Math.round(20 + 30 * random()),
    latencyMs: 100 + 50 * random(),
    ...changes,
  })
  const longer = () => usual({ promptTokens: Math.round(60 + 30 * random()) })
  /** An hour for the reference, then windows of ten minutes with 100 requests each; from the fourth window on as `later` says. */
  const traffic = async (later: () => Partial<Trace>, windows = 6) => {
    await serve(database.db, { fromMs: dayMs, toMs: dayMs + hourMs, count: 600, each: () => usual() })
    const quiet = 3
    const at = (window: number) => dayMs + hourMs + window * 10 * minuteMs
    await serve(database.db, { fromMs: at(0), toMs: at(quiet), count: 100 * quiet, each: () => usual() })
    await serve(database.db, { fromMs: at(quiet), toMs: at(windows), count: 100 * (windows - quiet), each: () => later() })
    return at
  }
  const started = async (changes: Parameters<typeof planOf>[0] = {}) => {
    const plan = planOf(changes)
    const look = monitor({ db: database.db, now: () => nowMs, plan })
    nowMs = dayMs + hourMs + 2 * minuteMs
    await look.tick()
    const reference = await referenceOf(database.db, dayMs, dayMs + hourMs)
    return { ...look, reference }
  }
  const alarms = async () => {
    const rows = await database.db.execute<{ place: number; signal: string; drifted: boolean; alarm: boolean }>(sql`
      select (extract(epoch from w.from_at - ${new Date(dayMs + hourMs).toISOString()}::timestamptz) / 600)::int as place, f.signal, f.drifted, f.alarm
      from monitor_findings f join monitor_windows w on w.id = f.window_id order by 1, 2`)
    return {
      drifted: rows.flatMap(({ place, signal, drifted }) => (drifted ? [`${place} ${signal}`] : [])),
      alarm: rows.flatMap(({ place, signal, alarm }) => (alarm ? [`${place} ${signal}`] : [])),
      places: [...new Set(rows.map(({ place }) => place))],
    }
  }

  test('an alert is opened by the second window in a row that drifted, once, and resolved by two quiet ones', async () => {
    const at = await traffic(longer)
    await serve(database.db, { fromMs: at(6), toMs: at(9), count: 300, each: () => usual() })
    const look = await started()
    nowMs = at(5) + 2 * minuteMs
    await look.tick()
    expect(await alarms()).toEqual({ drifted: ['3 prompt_tokens', '4 prompt_tokens'], alarm: ['4 prompt_tokens'], places: [0, 1, 2, 3, 4] })
    const [alert] = await listAlerts(database.db, { limit: 10 })
    expect(alert).toMatchObject({ route: 'support', variantHash: hash, signal: 'prompt_tokens', tag: 'data', state: 'open' })
    nowMs = at(9) + 2 * minuteMs
    await look.tick()
    await look.tick()
    expect(look.thrown).toEqual([])
    const alerts = await listAlerts(database.db, { limit: 10 })
    expect(alerts.map(({ state }) => state)).toEqual(['resolved'])
    const events = await alertEvents(database.db, alert?.id ?? '')
    expect(events.map(({ kind: event }) => event)).toEqual(['open', 'drift', 'quiet', 'resolve'])
    expect(events[0]?.detail).toMatchObject({ effect: expect.any(Number) })
  })

  test('the same traffic raises nothing, and every effect is stored', async () => {
    const at = await traffic(usual)
    const look = await started()
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    expect((await alarms()).alarm).toEqual([])
    const [row] = await database.db.execute<{ all: number; with_effect: number }>(
      sql`select count(*)::int as all, count(effect)::int as with_effect from monitor_findings where outcome = 'compared'`,
    )
    expect(row?.all).toBeGreaterThan(30)
    expect(row?.with_effect).toBe(row?.all)
  })

  test('nobody is woken because answers got faster', async () => {
    const at = await traffic(() => usual({ latencyMs: 20 + 10 * random() }))
    const look = await started()
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    const { drifted, alarm } = await alarms()
    expect(drifted).toContain('4 latency')
    expect(alarm).toEqual([])
  })

  test('an alert of slow answers is resolved by faster ones than before, and a fast window does not count towards one', async () => {
    const slow = () => usual({ latencyMs: 400 + 50 * random() })
    const fast = () => usual({ latencyMs: 20 + 10 * random() })
    const at = await traffic(slow, 5)
    const then = [fast, fast, slow, fast, slow]
    for (const [index, each] of then.entries()) await serve(database.db, { fromMs: at(5 + index), toMs: at(6 + index), count: 100, each })
    const look = await started()
    nowMs = at(10) + 2 * minuteMs
    await look.tick()
    const ofLatency = ({ drifted, alarm }: { drifted: string[]; alarm: string[] }) =>
      [drifted, alarm].map((found) => found.filter((one) => one.endsWith(' latency')).map((one) => Number.parseInt(one, 10)))
    expect(ofLatency(await alarms())).toEqual([[3, 4, 5, 6, 7, 8, 9], [4]])
    const [alert] = (await listAlerts(database.db, { limit: 10 })).filter(({ signal }) => signal === 'latency')
    expect(alert?.state).toBe('resolved')
    const events = await alertEvents(database.db, alert?.id ?? '')
    expect(events.map(({ kind: event }) => event)).toEqual(['open', 'quiet', 'resolve'])
  })

  test('failures of one request in twelve are seen, as performance', async () => {
    let turn = 0
    const at = await traffic(() => usual(turn++ % 12 === 0 ? { status: 'error', errorCode: 'upstream_failed', finishReason: null } : {}))
    const look = await started()
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    const alerts = await listAlerts(database.db, { limit: 10 })
    expect(alerts.map(({ signal, tag }) => [signal, tag])).toContainEqual(['failed', 'performance'])
  })

  test('a window with too little traffic says neither yes nor no', async () => {
    const at = await traffic(longer, 4)
    // Ten requests as before, between two windows that drifted.
    await serve(database.db, { fromMs: at(4), toMs: at(5), count: 10, each: () => usual() })
    await serve(database.db, { fromMs: at(5), toMs: at(6), count: 100, each: longer })
    const look = await started()
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    expect((await alarms()).alarm).toEqual(['5 prompt_tokens'])
    const rows = await database.db.execute<{ reason: string }>(
      sql`select reason from monitor_findings where outcome = 'not-enough-data' and signal = 'prompt_tokens'`,
    )
    expect(rows.map(({ reason }) => reason)).toEqual(['the window holds 10 samples of at least 50'])
  })

  test('a window without any traffic is none, and what came before it still counts as the one before', async () => {
    const at = await traffic(longer, 4)
    await serve(database.db, { fromMs: at(8), toMs: at(9), count: 100, each: longer })
    const look = await started()
    nowMs = at(9) + 2 * minuteMs
    await look.tick()
    expect(await alarms()).toMatchObject({ places: [0, 1, 2, 3, 8], alarm: ['8 prompt_tokens'] })
  })

  test('a window of traces that may still arrive is not closed', async () => {
    const at = await traffic(usual)
    const look = await started({ latenessMs: 5 * minuteMs })
    nowMs = at(1) + 5 * minuteMs
    await look.tick()
    expect((await alarms()).places).toEqual([])
    nowMs = at(1) + 6 * minuteMs + 5_000
    await look.tick()
    expect((await alarms()).places).toEqual([0])
  })

  test('windows of a number of requests follow one another in whole minutes', async () => {
    const at = await traffic(longer)
    const look = await started({ window: { requests: 135 } })
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    const windows = await database.db.execute<{ from_at: string; to_at: string; requests: number }>(
      sql`select from_at, to_at, requests from monitor_windows order by from_at`,
    )
    expect(windows.map(({ requests }) => requests)).toEqual([140, 140, 140, 140])
    expect(windows.slice(1).map(({ from_at }) => from_at)).toEqual(windows.slice(0, -1).map(({ to_at }) => to_at))
  })

  test('nothing is opened for a silenced signal, and its findings are kept', async () => {
    const at = await traffic(longer)
    const look = await started()
    await silence(database.db, {
      route: 'support',
      signal: 'prompt_tokens',
      fromMs: nowMs,
      toMs: at(12),
      actor: 'ann',
      reason: 'a campaign',
      nowMs,
    })
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    expect((await alarms()).alarm).toEqual(['4 prompt_tokens', '5 prompt_tokens'])
    expect(await listAlerts(database.db, { limit: 10 })).toEqual([])
  })

  test('compares with the same hours when asked', async () => {
    // Long prompts in the first hours of a day, short ones in the next, nothing in the others.
    const day = (from: number) =>
      serve(database.db, { fromMs: from, toMs: from + 8 * hourMs, count: 960, each: (index) => (index < 480 ? longer() : usual()) })
    await day(dayMs)
    await day(dayMs + 24 * hourMs)
    const alerts = async (likeHours: boolean) => {
      const plan = planOf({ likeHours, window: { minutes: 60 } })
      const look = monitor({ db: database.db, now: () => nowMs, plan })
      nowMs = dayMs + 24 * hourMs + 2 * minuteMs
      await look.tick()
      await referenceOf(database.db, dayMs, dayMs + 24 * hourMs)
      nowMs = dayMs + 48 * hourMs + 2 * minuteMs
      await look.tick()
      expect(look.thrown).toEqual([])
      const found = await database.db.execute<{ drifted: number; all: number }>(sql`
        select count(*) filter (where drifted)::int as drifted, count(*)::int as all from monitor_findings f join monitor_windows w on w.id = f.window_id
        where f.signal = 'prompt_tokens' and w.reference_id = (select id from monitor_references order by seq desc limit 1)`)
      return found[0]
    }
    expect(await alerts(false)).toEqual({ drifted: 8, all: 8 })
    // Where long ones end, the neighbour hours are of both kinds.
    expect((await alerts(true))?.drifted).toBeLessThanOrEqual(2)
  })

  describe('references', () => {
    test('are versions that nobody changes', async () => {
      await traffic(usual)
      const { reference } = await started()
      const second = await referenceOf(database.db, dayMs, dayMs + 30 * minuteMs)
      expect([reference.version, second.version]).toEqual([1, 2])
      expect([reference.requests, second.requests]).toEqual([600, 300])
      const numbers = (await referenceSignals(database.db, reference.id)).get('prompt_tokens')
      expect(numbers?.kind === 'numeric' && numbers.values.length).toBe(600)
      await expect(database.db.execute(sql`update monitor_references set requests = 1`)).rejects.toThrow()
      await expect(database.db.execute(sql`delete from monitor_reference_signals`)).rejects.toThrow()
    })

    test('of the last requests are of whole minutes, and need so many', async () => {
      await traffic(usual)
      await started()
      const { fromMs, toMs } = await lastRequests(database.db, 'support', hash, 95)
      expect((toMs - fromMs) / minuteMs).toBe(10)
      await expect(lastRequests(database.db, 'support', hash, 100_000)).rejects.toThrow('only 6')
      await expect(referenceOf(database.db, dayMs - hourMs, dayMs)).rejects.toThrow('no live request')
    })

    test('make themselves of the first requests of a variant when the plan says so', async () => {
      const at = await traffic(longer)
      const look = monitor({ db: database.db, now: () => nowMs, plan: planOf({ autoReference: 300 }) })
      nowMs = at(6) + 2 * minuteMs
      await look.tick()
      expect(look.thrown).toEqual([])
      const [reference] = await database.db.execute<{ requests: number; created_by: string }>(
        sql`select requests, created_by from monitor_references`,
      )
      expect(reference).toMatchObject({ requests: 300, created_by: 'monitor' })
      expect(await listAlerts(database.db, { limit: 10 })).toMatchObject([{ signal: 'prompt_tokens' }])
    })
  })

  test('an alert that was resolved by a person is opened anew while the drift goes on', async () => {
    const at = await traffic(longer)
    const look = await started()
    nowMs = at(5) + 2 * minuteMs
    await look.tick()
    const [first] = await listAlerts(database.db, { limit: 10 })
    await resolveAlert(database.db, first?.id ?? '', { actor: 'ann', note: 'looks fine', nowMs })
    await expect(resolveAlert(database.db, first?.id ?? '', { actor: 'ann', note: null, nowMs })).rejects.toThrow('is resolved')
    nowMs = at(6) + 2 * minuteMs
    await look.tick()
    expect((await listAlerts(database.db, { limit: 10 })).map(({ state }) => state)).toEqual(['open', 'resolved'])
    await expect(database.db.execute(sql`delete from monitor_alert_events`)).rejects.toThrow()
  })

  test.skipIf(kind === 'pglite')('two replicas that look at once make each window once', async () => {
    const at = await traffic(longer)
    const look = await started()
    const replica = await database.replica()
    const other = monitor({ db: replica.db, now: () => nowMs, plan: planOf() })
    nowMs = at(6) + 2 * minuteMs
    for (let turn = 0; turn < 3; turn += 1) await Promise.all([look.tick(), other.tick()])
    expect([...look.thrown, ...other.thrown]).toEqual([])
    const windows = await database.db.execute<{ n: number }>(sql`select count(*)::int as n from monitor_windows`)
    expect(windows[0]?.n).toBe(6)
    expect(await listAlerts(database.db, { limit: 10 })).toHaveLength(1)
  })
})

test('a silence holds for its route, its signal and its time', () => {
  const one = { id: '', route: 'support', signal: null, fromMs: 10, toMs: 20, actor: '', reason: '', atMs: 0 }
  expect(isSilenced([one], 'support', 'latency', 10)).toBe(true)
  expect(isSilenced([one], 'support', 'latency', 20)).toBe(false)
  expect(isSilenced([one], 'other', 'latency', 15)).toBe(false)
  expect(isSilenced([{ ...one, signal: 'cost' }], 'support', 'latency', 15)).toBe(false)
})
