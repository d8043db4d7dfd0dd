import { sql } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import { listAuditEvents } from '../../src/db/audit.ts'
import { createFeedback } from '../../src/feedback/feedback.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { uuidv7 } from '../../src/lib/ids.ts'
import { overlayOfRollouts } from '../../src/rollout/overlays.ts'
import { reportExperiment } from '../../src/rollout/report.ts'
import type { Route, Variant } from '../../src/rollout/route.ts'
import { allRollouts, eventsOf, findRollout, type Rollout } from '../../src/rollout/store.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aboutRollouts, arms, hashes, planOf, serve, step, wish } from './support.ts'

const by = { actor: 'ann', reason: 'because' }
const noOverride = { overrideGate: false }
const variant = (name: keyof typeof hashes, weightPercent: number): Variant => ({
  ...{ name, weightPercent, model: 'm', defaults: {}, hash: hashes[name] },
})
const declared: Route = { name: 'support', seed: 's', variants: [variant('stable', 100), variant('next', 0)] }
const codeOf = (error: unknown) => (error as { code?: string }).code

describeDatabases('a rollout', (makeDatabase) => {
  let handle: TestDatabase
  beforeEach(async () => {
    handle = await makeDatabase()
  })
  const overlay = async (route = declared) => overlayOfRollouts(route, await allRollouts(handle.db))
  const two = planOf([step(), step({ weightPercent: 100 })])
  const kinds = async (rollout: Rollout) => (await eventsOf(handle.db, rollout.id)).map(({ kind }) => kind)

  test('goes through its steps and promotes, and every move is an event and an audit event with its reason', async () => {
    const { actions, controller, dropped } = aboutRollouts(handle)
    const started = await actions.start(wish(two), by, noOverride)
    expect(started).toMatchObject({ status: 'running', step: 0 })
    expect((await overlay())?.trial).toMatchObject({ candidate: 'next', control: 'stable', weightPercent: 10, seed: started.id })

    await controller.tick()
    expect((await findRollout(handle.db, 'support')).step).toBe(0)
    await serve(handle.db, arms(600, { candidate: 6, control: 6 }))
    await controller.tick()
    expect(await findRollout(handle.db, 'support')).toMatchObject({ status: 'running', step: 1 })
    expect((await overlay())?.weights).toEqual(new Map([['next', 100]]))
    await controller.tick()
    const over = await findRollout(handle.db, started.id)
    expect(over).toMatchObject({ status: 'promoted', disabled: false })
    expect(await overlay()).toMatchObject({ weights: new Map([['next', 100]]), disabled: new Set() })
    expect(dropped).toEqual([hashes.stable])

    expect(await kinds(over)).toEqual(['create', 'start', 'advance', 'promote'])
    const [advance] = (await eventsOf(handle.db, over.id)).filter(({ kind }) => kind === 'advance')
    expect(advance).toMatchObject({ actor: 'controller', evidence: { subjects: { step: { candidate: 600, control: 600 } } } })
    const { events } = await listAuditEvents(handle.db, { action: 'rollout' }, { limit: 10 })
    expect(events.map(({ action }) => action)).toEqual(['rollout.promote', 'rollout.advance', 'rollout.start', 'rollout.create'])
    await expect(handle.db.execute(sql`update rollout_events set reason = ''`)).rejects.toThrow()
    await expect(handle.db.execute(sql`delete from rollout_events`)).rejects.toThrow()
  })

  test('rolls back what fails more: weight 0, disabled, its answers forgotten, the evidence in the event', async () => {
    const { actions, controller, dropped, evidenceOf } = aboutRollouts(handle)
    const { id } = await actions.start(wish(two), by, noOverride)
    await serve(handle.db, arms(100, { candidate: 25, control: 4 }))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'rolled_back', disabled: true, step: 0 })
    expect(await overlay()).toMatchObject({
      weights: new Map([
        ['stable', 100],
        ['next', 0],
      ]),
      disabled: new Set(['next']),
    })
    expect((await overlay())?.trial).toBeUndefined()
    expect(dropped).toEqual([hashes.next])
    const last = (await eventsOf(handle.db, id)).at(-1)
    expect(last).toMatchObject({
      kind: 'rollback',
      actor: 'controller',
      evidence: {
        causes: ['failures'],
        events: [{ name: 'failures', counts: { candidate: 25, control: 4 }, kinds: { error: { candidate: 25, control: 4 } } }],
      },
    })
    await controller.tick()
    expect((await eventsOf(handle.db, id)).length).toBe(3)
    // What a later rollout of the route deals is not this one's.
    await serve(handle.db, arms(50, { candidate: 0, control: 50 }, { startedAtMs: Date.now() + 60_000, tenant: 'later' }))
    const { events, subjects } = await evidenceOf(handle.db, await findRollout(handle.db, id), await eventsOf(handle.db, id))
    expect([events[0]?.counts, subjects.dealt]).toEqual([
      { candidate: 25, control: 4 },
      { candidate: 100, control: 100 },
    ])
  })

  test('counts what falls on the variant: not limits, not cached or pinned or shadow requests, and a subject once', async () => {
    const { actions, evidenceOf } = aboutRollouts(handle)
    const { id } = await actions.start(wish(two), by, noOverride)
    const failed = { arm: 'candidate', status: 'error' } as const
    await serve(handle.db, [
      { ...failed, subject: 'a', errorCode: 'timeout' },
      { ...failed, subject: 'a', errorCode: 'upstream_failed' },
      { ...failed, subject: 'b', errorCode: 'rate_limited' },
      { ...failed, subject: 'c', errorCode: 'upstream_failed', purpose: 'shadow' },
      { ...failed, subject: 'd', errorCode: 'upstream_failed', startedAtMs: Date.now() - 60_000 },
      { arm: 'candidate', subject: 'e', finishReason: 'content_filter' },
      { arm: 'candidate', subject: 'f', fellBackFrom: ['tiny'] },
      { arm: 'control', subject: 'g', cache: 'hit', latencyMs: 1 },
      { arm: 'control', subject: 'h', latencyMs: 100 },
      { arm: 'control', subject: 'i', status: 'aborted', errorCode: 'aborted' },
      { arm: null, subject: 'pinned', variant: 'next', status: 'error', errorCode: 'upstream_failed' },
    ])
    const rollout = await findRollout(handle.db, id)
    const { subjects, events, means } = await evidenceOf(handle.db, rollout, await eventsOf(handle.db, id))
    expect(events[0]).toMatchObject({
      counts: { candidate: 3, control: 0 },
      kinds: { timeout: { candidate: 1 }, refusal: { candidate: 1 }, fallback: { candidate: 1 } },
    })
    expect(subjects).toEqual({ step: { candidate: 4, control: 1 }, dealt: { candidate: 4, control: 3 } })
    expect(means.find(({ name }) => name === 'failures')).toMatchObject({ candidate: { n: 4, mean: 0.75 }, control: { n: 1, mean: 0 } })
    expect(means.find(({ name }) => name === 'latency')?.control.mean).toBeCloseTo(Math.log(100), 9)
  })

  test('compares with everybody on the stable variant where it may, by the weight of the step at the time', async () => {
    const { actions, evidenceOf } = aboutRollouts({ ...handle, everyone: true })
    const { id } = await actions.start(wish(two), by, noOverride)
    const failure = { status: 'error', errorCode: 'upstream_failed' } as const
    await serve(handle.db, [
      { arm: null, subject: 'x', ...failure, startedAtMs: Date.now() + 1 },
      { arm: 'candidate', subject: 'y', ...failure, startedAtMs: Date.now() + 2 },
      { arm: 'candidate', subject: 'z', ...failure, startedAtMs: Date.now() + 3 },
      { arm: 'control', subject: 'u', ...failure, startedAtMs: Date.now() + 4 },
      { arm: 'candidate', subject: 'v', ...failure, startedAtMs: Date.now() + 5 },
      { arm: 'candidate', subject: 'w', ...failure, startedAtMs: Date.now() + 6 },
    ])
    const { events } = await evidenceOf(handle.db, await findRollout(handle.db, id), await eventsOf(handle.db, id))
    // The published path of failures 0, 1, 1, 0, 1, 1 at a weight of 0.1.
    expect(events[0]?.process.e).toBeCloseTo(98.7510397, 5)
  })

  test('hears thumbs as events, and scores as means', async () => {
    const metrics: Metrics = {
      solved: { type: 'boolean', direction: 'increase', level: 'inference', role: 'guardrail', aggregation: 'last' },
      rating: { type: 'float', direction: 'increase', level: 'inference', role: 'signal', aggregation: 'mean' },
    }
    const { actions, controller } = aboutRollouts({ ...handle, metrics })
    const { id } = await actions.start(wish(planOf([step()], metrics)), by, noOverride)
    const served = arms(120, { candidate: 0, control: 0 }).map((one) => ({ ...one, id: uuidv7() }))
    await serve(handle.db, served)
    const feedback = createFeedback({ db: handle.db, metrics: () => metrics, clock: Date.now })
    const say = (metric: string, toValue: (arm: string, index: number) => unknown) =>
      feedback.add(
        served.map(({ id: inferenceId, arm }, index) => ({ metric, value: toValue(arm ?? '', index), inferenceId })),
        { tenant: 'default', keyId: null, many: true },
      )
    await say('rating', (arm, index) => (arm === 'candidate' ? 2 : 4) + (index % 2))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'held' })
    expect((await eventsOf(handle.db, id)).at(-1)?.reason).toMatch(/^rating: worse by at least 1\.\d+/)

    await say('solved', (arm, index) => (arm === 'candidate' ? index % 2 === 0 : index % 20 !== 0))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'rolled_back' })
    expect((await eventsOf(handle.db, id)).at(-1)?.evidence).toMatchObject({ causes: ['solved'] })
  })

  test('is read as an experiment of its two sides, in its own time', async () => {
    const metrics: Metrics = { rating: { type: 'float', direction: 'increase', level: 'inference', role: 'report', aggregation: 'mean' } }
    const { actions } = aboutRollouts({ ...handle, metrics })
    const { id, createdAtMs } = await actions.start(wish(two), by, noOverride)
    const served = arms(110, { candidate: 0, control: 0 }).map((one) => ({ ...one, id: uuidv7() }))
    const others = [
      { arm: null, subject: 'rest' },
      { arm: 'control' as const, subject: 'of an earlier rollout', startedAtMs: createdAtMs - 60_000 },
    ]
    await serve(handle.db, [...served, ...others])
    const feedback = createFeedback({ db: handle.db, metrics: () => metrics, clock: Date.now })
    const said = served.map(({ id: inferenceId, arm }, index) => ({
      ...{ metric: 'rating', inferenceId, value: (arm === 'candidate' ? 4 : 3) + (index % 2) },
    }))
    await feedback.add(said, { tenant: 'default', keyId: null, many: true })
    const report = await reportExperiment(
      handle.db,
      {
        route: 'support',
        variants: [
          { name: 'control', weightPercent: 50 },
          { name: 'candidate', weightPercent: 50 },
        ],
        control: 'control',
        primaryMetric: 'rating',
        horizonSubjects: undefined,
        rollout: { id, candidate: 'next', stable: 'stable', fromMs: createdAtMs, toMs: undefined },
      },
      metrics,
      { alpha: 0.05 },
    )
    expect(report.variants.map(({ variant: side, subjects }) => [side, subjects])).toEqual([
      ['control', 110],
      ['candidate', 110],
    ])
    expect(report.split?.mismatch).toBe(false)
    expect(report.metrics[0]?.arms[1]).toMatchObject({ variant: 'candidate', effect: { difference: 1 }, verdict: { kind: 'better' } })
  })

  test('reads a shadow by pairs: a copy and the request that it is a copy of', async () => {
    const { actions, controller, evidenceOf } = aboutRollouts(handle)
    const { id } = await actions.start(wish(planOf([step({ mode: 'shadow', weightPercent: 20 }), step()])), by, noOverride)
    expect(await overlay()).toMatchObject({ shadow: { variant: 'next', samplePercent: 20 }, weights: new Map([['stable', 100]]) })
    const live = Array.from({ length: 200 }, (_, index) => ({ id: uuidv7(), arm: null, subject: `user-${index}` }))
    const copies = live.slice(0, 120).map((one, index) => ({
      ...{ arm: null, subject: one.subject, variant: 'next', purpose: 'shadow' as const, metadata: { shadow_of: one.id } },
      ...(index % 4 === 0 ? { status: 'error' as const, errorCode: 'timeout' } : {}),
    }))
    await serve(handle.db, [...live, ...copies.slice(0, 60)])
    const rollout = await findRollout(handle.db, id)
    const { subjects } = await evidenceOf(handle.db, rollout, await eventsOf(handle.db, id))
    expect(subjects).toEqual({ step: { candidate: 60, control: 60 }, dealt: { candidate: 0, control: 0 } })
    await serve(handle.db, copies.slice(60))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'rolled_back' })
  })

  test('is held when its candidate became another variant', async () => {
    let hash: string | undefined = hashes.next
    const { actions, controller } = aboutRollouts({ ...handle, controller: { hashNow: () => hash } })
    const { id } = await actions.start(wish(two), by, noOverride)
    await controller.tick()
    hash = 'c'.repeat(64)
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'held' })
    expect((await eventsOf(handle.db, id)).at(-1)?.reason).toContain('abort and start anew')
  })

  test('waits for its gate, and starts once it opens; an override is recorded', async () => {
    let ok = false
    const gate = async () => ({ ok, reason: ok ? 'run 7 passed rag-basic' : 'no run of rag-basic passed' })
    const { actions, controller } = aboutRollouts({ ...handle, gate })
    const { id } = await actions.start(wish(two), by, noOverride)
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'pending' })
    expect((await overlay())?.trial).toBeUndefined()
    ok = true
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'running' })
    expect((await eventsOf(handle.db, id)).at(-1)).toMatchObject({ kind: 'start', reason: 'run 7 passed rag-basic', override: false })
    await actions.abort(id, by)
    ok = false
    const forced = await actions.start(wish(two), by, { overrideGate: true })
    expect(forced.status).toBe('running')
    expect((await eventsOf(handle.db, forced.id)).at(-1)).toMatchObject({
      override: true,
      reason: 'because (against the gate: no run of rag-basic passed)',
    })
  })

  test('obeys people: hold, resume, approve, promote, rollback, abort, each in its state only', async () => {
    const { actions, controller } = aboutRollouts(handle)
    const manual = planOf([step({ gate: 'manual' }), step({ weightPercent: 50, gate: 'manual' })])
    const { id } = await actions.start(wish(manual), by, noOverride)
    expect(await actions.start(wish(manual), by, noOverride).catch(codeOf)).toBe('conflict')
    expect(await actions.approve(id, by).catch(codeOf)).toBe('conflict')
    expect(await actions.resume(id, by).catch(codeOf)).toBe('conflict')
    await actions.hold('support', by)
    await serve(handle.db, arms(600, { candidate: 0, control: 0 }))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'held' })
    expect(await actions.resume(id, by)).toMatchObject({ status: 'running', accepted: ['latency'] })
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'awaiting_approval', step: 0 })
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'awaiting_approval', step: 0 })
    expect(await actions.approve(id, by)).toMatchObject({ status: 'running', step: 1 })
    expect(await actions.promote(id, by)).toMatchObject({ status: 'promoted' })
    expect((await eventsOf(handle.db, id)).at(-1)).toMatchObject({ kind: 'promote', override: true, actor: 'ann' })
    expect(await actions.hold(id, by).catch(codeOf)).toBe('conflict')
    expect(await actions.rollback(id, by)).toMatchObject({ status: 'rolled_back', disabled: true })
    expect((await overlay())?.weights?.get('stable')).toBe(100)
    const again = await actions.start(wish(manual), by, noOverride)
    expect((await overlay())?.disabled).toEqual(new Set())
    expect(await actions.abort(again.id, by)).toMatchObject({ status: 'rolled_back', disabled: false })
    expect(await actions.abort('nobody', by).catch(codeOf)).toBe('not_found')
  })

  test('rolls back while it waits for approval', async () => {
    const { actions, controller } = aboutRollouts(handle)
    const { id } = await actions.start(wish(planOf([step({ gate: 'manual' })])), by, noOverride)
    await serve(handle.db, arms(600, { candidate: 0, control: 0 }))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'awaiting_approval' })
    await serve(handle.db, arms(40, { candidate: 25, control: 1 }, { startedAtMs: Date.now() + 1_000, tenant: 'other' }))
    await controller.tick()
    expect(await findRollout(handle.db, id)).toMatchObject({ status: 'rolled_back' })
  })

  test('that is over has no say after the declaration changed its weights; a mended candidate is not disabled', async () => {
    const { actions } = aboutRollouts(handle)
    const first = await actions.start(wish(two), by, noOverride)
    await actions.promote(first.id, by)
    expect((await overlay())?.weights).toEqual(new Map([['next', 100]]))
    const rewritten: Route = { ...declared, variants: [variant('stable', 90), variant('next', 10)] }
    expect(await overlay(rewritten)).toBeUndefined()
    const longer: Route = { ...declared, variants: [...declared.variants, { ...variant('next', 0), name: 'third' }] }
    expect((await overlay(longer))?.weights).toEqual(new Map([['next', 100]]))
    await actions.rollback(first.id, by)
    expect((await overlay())?.disabled).toEqual(new Set(['next']))
    const mended: Route = { ...declared, variants: [variant('stable', 100), { ...variant('next', 0), hash: 'c'.repeat(64) }] }
    expect((await overlay(mended))?.disabled).toEqual(new Set())
  })

  test('is started by the configuration once, and goes on where it was after a restart', async () => {
    let wanted = [wish(two, { createdBy: 'controller' })]
    const options = { ...handle, controller: { wanted: () => wanted } }
    await aboutRollouts(options).controller.tick()
    wanted = []
    const rollout = await findRollout(handle.db, 'support')
    expect(rollout.status).toBe('pending')
    const next = aboutRollouts(options)
    await next.controller.tick()
    await serve(handle.db, arms(600, { candidate: 0, control: 0 }))
    await aboutRollouts(options).controller.tick()
    expect(await kinds(rollout)).toEqual(['create', 'start', 'advance'])
    expect(next.thrown).toEqual([])
  })
})
