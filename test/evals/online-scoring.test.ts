import { sql } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { claimTraces } from '../../src/evals/online/claim.ts'
import { type JudgeCheck, listJudgeChecks } from '../../src/evals/online/judge-check.ts'
import { onlineAssertion } from '../../src/evals/online/online-scorer.ts'
import { createOnlineScoring, type OnlineScoringOptions, type ScoringPlan } from '../../src/evals/online/online-scoring.ts'
import { spentSince, summariseScores } from '../../src/evals/online/store.ts'
import type { ScoreContext } from '../../src/evals/scorer.ts'
import { metricByVariant } from '../../src/feedback/evidence.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { eventsOf, findRollout } from '../../src/rollout/store.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { aboutRollouts, planOf as planOfRollout, step, wish } from '../rollout/support.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'

describeDatabases('online scoring', (makeDatabase) => {
  let database: TestDatabase
  let db: Database
  let nowMs: number
  beforeEach(async () => {
    database = await makeDatabase()
    db = database.db
    nowMs = Date.parse('2026-11-20T12:00:00Z')
  })

  const answered = (text: string, more: Partial<Trace> = {}): Trace =>
    aTrace({
      startedAtMs: nowMs - 1_000,
      ...more,
      payload: { input: { kind: 'chat', messages: [{ role: 'user', content: 'Why?' }] }, output: [{ text, toolCalls: [] }] },
    })
  const insert = (traces: Trace[]) =>
    insertTraces(
      db,
      traces.map((trace) => JSON.stringify(trace)),
    )
  const claim = (on = db, limit = 1_000, samplePercent = 100) =>
    claimTraces(on, { route: 'support', samplePercent, limit, nowMs, holdMs: 60_000 })

  type Asked = { judge?: NonNullable<ScoreContext['judge']>; usd?: number | null }
  const planOf = ({ judge, usd = 0.25 }: Asked, changes: Partial<ScoringPlan> = {}): ScoringPlan => ({
    route: 'support',
    samplePercent: 100,
    scorers: [
      onlineAssertion({ name: 'kind', type: 'llm-rubric', value: 'is kind' }),
      onlineAssertion({ name: 'short', type: 'word-count', value: { max: 3 } }),
    ],
    models: (_tenant, spent) => ({
      judge:
        judge &&
        (async (ask) => {
          spent(usd)
          return judge(ask)
        }),
      embed: undefined,
      classify: undefined,
      load: undefined,
    }),
    maxUsdPerDay: undefined,
    concurrency: 2,
    ...changes,
  })
  const says = (pass: boolean) => async () => ({ pass, reason: 'so it is' })
  const scoring = (plan: ScoringPlan, more: Partial<OnlineScoringOptions> = {}) => {
    const pauses: string[] = []
    const errors: unknown[] = []
    const one = createOnlineScoring({
      db,
      clock: () => nowMs,
      plans: () => [plan],
      onScore: () => {},
      onPause: (_route, why) => pauses.push(why),
      onError: (error) => errors.push(error),
      tickMs: 10,
      ...more,
    })
    return { ...one, pauses, errors }
  }
  const stored = async (column: string) =>
    (await db.execute<{ value: unknown }>(sql`select ${sql.raw(column)} as value from online_scores order by trace_id, scorer`)).map(
      ({ value }) => value,
    )

  test('samples by the hash of the trace: the same ones whoever looks, about as many as asked for', async () => {
    const traces = Array.from({ length: 400 }, () => answered('x'))
    await insert(traces)
    const first = (await claim(db, 1_000, 20))?.map(({ traceId }) => traceId)
    expect(first?.length).toBeGreaterThan(50)
    expect(first?.length).toBeLessThan(115)
    await db.execute(sql`delete from online_score_claims`)
    expect((await claim(db, 1_000, 20))?.map(({ traceId }) => traceId)).toEqual(first)
    // A larger share takes more beside them, and none of them again.
    const rest = (await claim(db, 1_000, 100))?.map(({ traceId }) => traceId)
    expect(new Set([...(first ?? []), ...(rest ?? [])]).size).toBe(400)
  })

  test('takes live answers that came whole, and nothing else', async () => {
    const good = answered('x')
    await insert([
      good,
      answered('x', { purpose: 'shadow' }),
      answered('x', { purpose: 'eval' }),
      answered('x', { status: 'error', errorCode: 'timeout' }),
      answered('x', { cache: 'hit' }),
      answered('x', { route: 'other' }),
      answered('x', { startedAtMs: nowMs - 3_600_000 }),
      { ...answered('x'), payload: null },
    ])
    expect(await claim()).toEqual([{ traceId: good.id, attempts: 1 }])
    expect(await claim()).toEqual([])
  })

  test('each trace is one replica’s, and goes to another only when its claim has run out', async () => {
    const other = await database.replica()
    await insert(Array.from({ length: 40 }, () => answered('x')))
    const both = (await Promise.all([claim(db, 30), claim(other.db, 30)])).flatMap((claims) => claims ?? [])
    const more = [...((await claim(other.db)) ?? []), ...((await claim()) ?? [])]
    expect(new Set([...both, ...more].map(({ traceId }) => traceId)).size).toBe(40)
    expect([...both, ...more]).toHaveLength(40)
    nowMs += 60_001
    const taken = await claim(other.db)
    expect(taken).toHaveLength(40)
    expect(taken?.every(({ attempts }) => attempts === 2)).toBe(true)
  })

  test('scores what it takes once, also after a restart, and a failed judge is no score', async () => {
    await insert([answered('Yes.'), answered('Of course, dear friend, why not?'), answered('Prose')])
    let asked = 0
    const judge: ScoreContext['judge'] = async ({ user }) => {
      asked += 1
      if (user.includes('Prose')) throw new Error('no JSON')
      return { pass: !user.includes('dear'), reason: '' }
    }
    const first = scoring(planOf({ judge }))
    await first.tick()
    expect([asked, first.errors]).toEqual([3, []])
    await scoring(planOf({ judge })).tick()
    expect(asked).toBe(3)
    const figures = await summariseScores(db, { route: 'support' })
    expect(figures).toMatchObject([
      { scorer: 'kind', answers: 3, undetermined: 1, mean: 0.5, passRate: 0.5, costUsd: 0.75 },
      { scorer: 'short', answers: 3, undetermined: 0, passRate: 2 / 3, costUsd: 0 },
    ])
    expect(await db.execute(sql`select * from online_score_claims`)).toHaveLength(0)
  })

  test('what a dead replica had taken is scored by the next; what nobody can score is stored without a score', async () => {
    await insert([answered('Yes.')])
    await claim()
    const hanging = scoring(planOf({ judge: () => new Promise(() => {}) }), { timeoutMs: 20 })
    await scoring(planOf({ judge: says(true) })).tick()
    expect(await stored('score')).toEqual([])
    for (let attempt = 2; attempt <= 3; attempt += 1) {
      nowMs += 120_001
      await hanging.tick()
    }
    expect(await stored('score')).toEqual([])
    nowMs += 120_001
    await scoring(planOf({ judge: says(true) })).tick()
    expect(await stored('reason')).toEqual(Array(2).fill('it could not be scored in 3 attempts'))
    expect(await stored('score')).toEqual([null, null])
  })

  test('stops at the money of the day, says so once, and goes on after midnight', async () => {
    await insert(Array.from({ length: 20 }, () => answered('Yes.')))
    const capped = scoring(planOf({ judge: says(true), usd: 0.25 }, { maxUsdPerDay: 1 }))
    for (let look = 0; look < 3; look += 1) await capped.tick()
    // Two are judged at a time.
    expect(await spentSince(db, 'support', nowMs - 1)).toBeLessThanOrEqual(1.25)
    expect(capped.pauses).toEqual(['the 1 USD of the day are spent'])
    expect(capped.paused()).toBe(1)
    nowMs += 86_400_000 + 20 * 60_000
    const fresh = answered('Yes.')
    await insert([fresh])
    await capped.tick()
    expect(await stored(`trace_id::text`)).toContain(fresh.id)
    expect(capped.paused()).toBe(0)
  })

  test('keeps no limit with a price that nobody knows', async () => {
    await insert(Array.from({ length: 20 }, () => answered('Yes.')))
    const capped = scoring(planOf({ judge: says(true), usd: null }, { maxUsdPerDay: 1 }))
    await capped.tick()
    await capped.tick()
    expect(await stored('cost_usd')).not.toHaveLength(40)
    expect(capped.pauses).toEqual([expect.stringContaining('the price of its judge is unknown')])
  })

  test('a declared metric reads the scores: per variant, and without the answers that were not judged', async () => {
    await insert([
      answered('Yes.', { variant: 'a', subject: 'one' }),
      answered('Yes.', { variant: 'a', subject: 'two' }),
      answered('No, never, at no time.', { variant: 'b', subject: 'three' }),
    ])
    await scoring(planOf({})).tick()
    const metric = { direction: 'increase', level: 'inference', role: 'guardrail', source: 'online_score', scorer: 'short' } as const
    const read = (more: object) => metricByVariant(db, { route: 'support' }, { name: 'brevity', ...metric, ...more } as never)
    expect(await read({ type: 'boolean', aggregation: 'last' })).toMatchObject([
      { variant: 'a', n: 2, mean: 1, binary: true },
      { variant: 'b', n: 1, mean: 0 },
    ])
    expect(await read({ type: 'float', aggregation: 'mean', scorer: 'kind' })).toMatchObject([{ n: 0 }, { n: 0 }])
  })

  test('a rollout hears scores: a candidate that is judged worse is rolled back', async () => {
    const metrics: Metrics = {
      brevity: {
        ...{ type: 'boolean', direction: 'increase', level: 'inference', role: 'guardrail', aggregation: 'last' },
        ...{ source: 'online_score', scorer: 'short' },
      } as const,
    }
    nowMs = Date.now()
    const { actions, controller } = aboutRollouts({ ...database, metrics })
    const { id } = await actions.start(wish(planOfRollout([step()], metrics)), { actor: 'ann', reason: 'r' }, { overrideGate: false })
    nowMs = Date.now() + 1_000
    const text = (arm: string, index: number) => (arm === 'candidate' && index % 2 === 0 ? 'On and on and on.' : 'Yes.')
    await insert(
      (['candidate', 'control'] as const).flatMap((arm) =>
        Array.from({ length: 40 }, (_, index) =>
          answered(text(arm, index), {
            arm,
            variant: arm === 'candidate' ? 'next' : 'stable',
            subject: `${arm}-${index}`,
            startedAtMs: nowMs,
          }),
        ),
      ),
    )
    const scorer = scoring(planOf({}, { concurrency: 16 }))
    await scorer.tick()
    await scorer.tick()
    await controller.tick()
    expect(await findRollout(db, id)).toMatchObject({ status: 'rolled_back', disabled: true })
    expect((await eventsOf(db, id)).at(-1)?.evidence).toMatchObject({ causes: ['brevity'] })
  })

  test('a judge that became another one scores the same answers again, and the check says whether it judges alike', async () => {
    await insert(Array.from({ length: 40 }, () => answered('yes')))
    const judgeOf = (identity: string) => ({ id: 'judge', identity: async () => identity })
    const checked: JudgeCheck[] = []
    const look = async (identity: string, verdict: boolean) => {
      const plan = planOf({ judge: says(verdict) }, { judge: judgeOf(identity) })
      await scoring(plan, { onJudge: (check) => checked.push(check) }).tick()
      nowMs += 61_000
    }
    for (let round = 0; round < 5; round += 1) await look('one', true)
    expect(checked).toEqual([])
    // Once its host has named the model it is still the same judge.
    await look('one/model-1', true)
    expect(checked).toEqual([])
    await look('two', true)
    expect(checked).toMatchObject([{ scorer: 'kind', answers: 30, meanBefore: 1, meanAfter: 1, difference: 0, moved: false, costUsd: 7.5 }])
    await look('one/model-2', false)
    expect(checked[1]).toMatchObject({ status: 'done', meanBefore: 1, meanAfter: 0, difference: -1, moved: true })
    // What was stored of the answers stays as it was.
    expect(new Set(await stored('score'))).toEqual(new Set([1]))
    const known = await listJudgeChecks(db, 'support', 10)
    expect(known.map(({ identity, status }) => [identity, status])).toEqual([
      ['one/model-2', 'done'],
      ['two', 'done'],
      ['one/model-1', 'pinned'],
    ])
    // Scorers without a judge have none to check.
    expect(known.every(({ scorer }) => scorer === 'kind')).toBe(true)
  })

  test('a judge that fails while it is checked keeps nobody from scoring, and two answers are the least that tell', async () => {
    await insert([answered('yes')])
    await scoring(planOf({ judge: says(true) }, { judge: { id: 'judge', identity: async () => 'one' } })).tick()
    const checked: JudgeCheck[] = []
    const plan = planOf({ judge: says(true) }, { judge: { id: 'judge', identity: async () => 'two' } })
    await scoring(plan, { onJudge: (check) => checked.push(check) }).tick()
    expect(checked).toMatchObject([{ answers: 1, difference: null, moved: null }])
    await insert([answered('more')])
    const lost = { id: 'judge', identity: () => Promise.reject(new Error('away')) }
    const broken = scoring(planOf({ judge: says(true) }, { judge: lost }))
    await broken.tick()
    expect(broken.errors).toHaveLength(1)
    expect(await stored('score')).toHaveLength(4)
  })
})
