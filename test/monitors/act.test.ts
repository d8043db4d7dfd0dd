import { createHmac } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import { actOnAlerts } from '../../src/monitors/act.ts'
import { alertEvents, listAlerts } from '../../src/monitors/alerts.ts'
import type { Action } from '../../src/monitors/plan.ts'
import type { createActions } from '../../src/rollout/actions.ts'
import { findRollout } from '../../src/rollout/store.ts'
import { aboutRollouts, planOf as rolloutPlan, step, wish } from '../rollout/support.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { dayMs, hourMs, minuteMs, monitor, planOf, referenceOf, serve } from './traffic.ts'

type Told = { body: { id: string; type: string; signal: string }; signature: string | null; text: string }

/** A webhook that answers with the statuses given, then 200. */
const startHook = (...statuses: number[]) => {
  const told: Told[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const text = await request.text()
      told.push({ text, body: JSON.parse(text), signature: request.headers.get('x-weir-signature') })
      return new Response(null, { status: statuses.shift() ?? 200 })
    },
  })
  return { url: `http://127.0.0.1:${server.port}/hook`, told, [Symbol.asyncDispose]: () => server.stop(true) }
}

describeDatabases('what an alarm sets off', (makeDatabase) => {
  let database: TestDatabase
  let nowMs = dayMs
  beforeEach(async () => {
    database = await makeDatabase()
  })
  const on = ['data', 'quality', 'performance'] as const
  const hold = async (): Promise<string> => 'no rollout is under way'

  /** Prompts of twice the length for two windows: one alert. */
  const alarm = async (actions: Action[], deps: Partial<Parameters<typeof actOnAlerts>[0]> = {}) => {
    const { db } = database
    const plan = planOf({ actions })
    const afterwards = (signal: AbortSignal) =>
      actOnAlerts({ db, clock: () => nowMs, holdRollout: hold, runEval: async () => 'run 1', ...deps }, plan, signal)
    const look = monitor({ db, now: () => nowMs, plan, afterwards: (_, signal) => afterwards(signal) })
    await serve(db, { fromMs: dayMs, toMs: dayMs + hourMs, count: 300, each: (index) => ({ promptTokens: 20 + (index % 30) }) })
    await serve(db, {
      fromMs: dayMs + hourMs,
      toMs: dayMs + hourMs + 20 * minuteMs,
      count: 120,
      each: (index) => ({ promptTokens: 60 + (index % 30) }),
    })
    nowMs = dayMs + hourMs + 2 * minuteMs
    await look.tick()
    await referenceOf(db, dayMs, dayMs + hourMs)
    nowMs = dayMs + hourMs + 22 * minuteMs
    await look.tick()
    expect(look.thrown).toEqual([])
    const [alert] = await listAlerts(db, { limit: 5 })
    const history = async () => (await alertEvents(db, alert?.id ?? '')).filter(({ kind }) => kind === 'action')
    return { ...look, alert, history, afterwards }
  }

  test('a webhook is told with a signature that its secret proves, in the third try if need be, and once', async () => {
    await using hook = startHook(500, 503)
    const look = await alarm([
      { do: 'webhook', on: ['data'], url: hook.url, secret: 's3cret' },
      { do: 'webhook', on: ['quality'], url: hook.url, secret: null },
    ])
    await look.tick()
    expect(hook.told).toHaveLength(3)
    const last = hook.told.at(-1) as Told
    expect(last.body).toMatchObject({ type: 'monitor.alert', id: look.alert?.id, signal: 'prompt_tokens', tag: 'data' })
    const [, seconds, proof] = last.signature?.match(/^t=(\d+),v1=([0-9a-f]{64})$/) ?? []
    expect(proof).toBe(createHmac('sha256', 's3cret').update(`${seconds}.${last.text}`).digest('hex'))
    expect((await look.history()).map(({ detail }) => detail)).toEqual([{ action: 0, do: 'webhook', ok: true }])
  }, 20_000)

  test('what failed is tried again later, and what worked is not', async () => {
    await using hook = startHook()
    const gone = 'http://127.0.0.1:9/'
    let runs = 0
    const runEval = async () => {
      runs += 1
      return `run ${runs}`
    }
    const actions: Action[] = [
      { do: 'run_eval', on, suite: 'support' },
      { do: 'retrain', on, url: gone, secret: null },
    ]
    const look = await alarm(actions, { runEval })
    expect((await look.history()).map(({ detail }) => (detail as { ok: boolean }).ok)).toEqual([true, false])
    await look.tick()
    expect(await look.history()).toHaveLength(2)
    nowMs += 3 * minuteMs
    actions[1] = { do: 'retrain', on, url: hook.url, secret: null }
    await look.tick()
    expect(hook.told.map(({ body }) => body.type)).toEqual(['monitor.retrain'])
    expect(runs).toBe(1)
    const [row] = await database.db.execute<{ acted: boolean }>(sql`select acted_at is not null as acted from monitor_alerts`)
    expect(row?.acted).toBe(true)
  }, 20_000)

  test('a rollout of the route is held', async () => {
    const { db } = database
    const { actions } = aboutRollouts({ db }) as { actions: ReturnType<typeof createActions> }
    const { id } = await actions.start(wish(rolloutPlan([step()])), { actor: 'ann', reason: 'new' }, { overrideGate: false })
    const holdRollout = async (route: string, reason: string) => (await actions.hold(route, { actor: 'monitor', reason })).status
    const look = await alarm([{ do: 'hold_rollout', on }], { holdRollout })
    expect((await findRollout(db, id)).status).toBe('held')
    expect((await look.history()).map(({ note }) => note)).toEqual(['held'])
  })
})
