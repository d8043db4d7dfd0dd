import { describe, expect, test } from 'vitest'
import { observeEvent, startEventEProcess } from '../../src/lib/stats/e-process.ts'
import type { Moments } from '../../src/lib/stats/sample.ts'
import type { ByArm, RolloutEvidence } from '../../src/rollout/assess.ts'
import { decide, type RolloutState } from '../../src/rollout/decide.ts'
import { type PlannedMetric, plannedMetrics, type RolloutPlan, type RolloutStep } from '../../src/rollout/plan.ts'

const minute = 60_000
const step = (changes: Partial<RolloutStep> = {}): RolloutStep => ({
  mode: 'canary',
  weightPercent: 5,
  minDurationMs: 30 * minute,
  maxDurationMs: 600 * minute,
  minSamples: 200,
  gate: 'auto',
  onInconclusive: 'hold',
  ...changes,
})
const latency: PlannedMetric = { name: 'latency', role: 'signal', kind: 'mean', direction: 'decrease', scale: 'log', margin: 0.25 }
const planOf = (changes: Partial<RolloutPlan> = {}): RolloutPlan => ({
  alpha: 0.05,
  failureMargin: 0.02,
  rescue: true,
  metrics: [latency],
  steps: [step(), step({ weightPercent: 100, minDurationMs: 0 })],
  ...changes,
})
const running: RolloutState = { status: 'running', step: 0, stepSinceMs: 0, accepted: [] }

const share = (failed: number, n: number): Moments => ({ n, mean: failed / n, variance: ((failed / n) * (1 - failed / n) * n) / (n - 1) })
const processOf = (candidate: number, control: number) => {
  let process = startEventEProcess()
  const events = candidate + control
  // Evenly mixed, as they come.
  for (let event = 0; event < events; event += 1) {
    const canary = Math.floor(((event + 1) * candidate) / events) > Math.floor((event * candidate) / events)
    process = observeEvent(process, { canary, weight: 0.5 })
  }
  return process
}
const seen = ({ n = 2000, candidate = 20, control = 20, means = [] as ({ name: string } & ByArm<Moments>)[] } = {}): RolloutEvidence => ({
  subjects: { step: { candidate: n, control: n }, dealt: { candidate: n, control: n } },
  events: [{ name: 'failures', process: processOf(candidate, control), counts: { candidate, control } }],
  means: [{ name: 'failures', candidate: share(candidate, n), control: share(control, n) }, ...means],
})
const slower = (ratio: number) => ({
  name: 'latency',
  candidate: { n: 2000, mean: Math.log(500 * ratio), variance: 0.2 },
  control: { n: 2000, mean: Math.log(500), variance: 0.2 },
})
const at = (changes: Partial<RolloutState>, evidence = seen(), plan = planOf(), nowMs = 40 * minute) =>
  decide(plan, { ...running, ...changes }, evidence, nowMs)

describe('a step', () => {
  test('is passed when it lasted, both arms have samples and being no worse is shown', () => expect(at({}).kind).toBe('advance'))
  test('is waited for until it lasted', () => expect(at({}, seen(), planOf(), 29 * minute).kind).toBe('wait'))
  test('waits for people where its gate is manual', () => {
    expect(at({}, seen(), planOf({ steps: [step({ gate: 'manual' })] })).kind).toBe('await_approval')
  })
  test('is the last one: the candidate is promoted', () => expect(at({}, seen(), planOf({ steps: [step()] })).kind).toBe('promote'))
  test('for everybody needs nothing to compare with', () => {
    expect(at({ step: 1, stepSinceMs: 40 * minute }).kind).toBe('promote')
  })
  test('is not passed while maybe worse: few subjects show little', () => {
    const { kind, reason } = at({}, seen({ n: 250, candidate: 2, control: 2 }))
    expect(kind).toBe('wait')
    expect(reason).toContain('failures: maybe worse: at most')
  })
})

describe('no data is never success', () => {
  const none: RolloutEvidence = {
    subjects: { step: { candidate: 0, control: 0 }, dealt: { candidate: 0, control: 0 } },
    events: [],
    means: [],
  }
  test('of nobody', () => {
    expect(at({}, none).kind).toBe('wait')
    expect(at({}, none, planOf(), 601 * minute)).toMatchObject({
      kind: 'hold',
      reason: expect.stringContaining('inconclusive after 10 h: 0 and 0'),
    })
  })
  test('of the candidate alone, or the control alone', () => {
    for (const arm of ['candidate', 'control'] as const) {
      const one = seen()
      one.subjects.step[arm] = 0
      expect(at({}, one).kind).toBe('wait')
    }
  })
  test('of a guardrail that nobody spoke of', () => {
    const thumbs: PlannedMetric = {
      name: 'solved',
      role: 'guardrail',
      kind: 'events',
      direction: 'increase',
      scale: 'absolute',
      margin: null,
    }
    const plan = planOf({ metrics: [thumbs] })
    expect(at({}, seen(), plan)).toMatchObject({ kind: 'wait', reason: expect.stringContaining('solved: nothing was seen') })
    const said = { name: 'solved', candidate: share(300, 1000), control: share(300, 1000) }
    expect(at({}, seen({ means: [said] }), plan).kind).toBe('advance')
    // Of what a shadow answers nobody can speak.
    expect(at({}, seen(), { ...plan, steps: [step({ mode: 'shadow' }), step()] }).kind).toBe('advance')
  })
  test('an inconclusive step rolls back where the plan says so', () => {
    const plan = planOf({ steps: [step({ onInconclusive: 'rollback' })] })
    expect(at({}, none, plan, 601 * minute).kind).toBe('rollback')
  })
})

describe('a guardrail', () => {
  const failing = seen({ candidate: 80, control: 20 })
  test.each(['running', 'held', 'awaiting_approval'] as const)('rolls back while %s', (status) => {
    const decision = at({ status }, failing)
    expect(decision).toMatchObject({ kind: 'rollback', causes: ['failures'] })
    expect(decision.reason).toContain('80 subjects of the candidate had one, 20 of those it is compared with')
  })
  test('rolls back before the step lasted, and after somebody resumed', () => {
    expect(at({}, failing, planOf(), 1).kind).toBe('rollback')
    expect(at({ accepted: ['failures'] }, failing).kind).toBe('rollback')
  })
  test.each(['pending', 'promoted', 'rolled_back'] as const)('does nothing when it is %s', (status) => {
    expect(at({ status }, failing).kind).toBe('wait')
  })
  test('of means rolls back past its margin only', () => {
    const plan = planOf({ metrics: [{ ...latency, role: 'guardrail' }] })
    expect(at({}, seen({ means: [slower(1.6)] }), plan)).toMatchObject({ kind: 'rollback', causes: ['latency'] })
    expect(at({}, seen({ means: [slower(1.05)] }), plan).kind).toBe('advance')
    expect(at({}, seen({ means: [slower(1.24)] }), plan)).toMatchObject({
      kind: 'wait',
      reason: expect.stringContaining('latency: maybe worse'),
    })
  })
  test('shares the risk with the others', () => {
    const border = seen({ candidate: 16, control: 6 })
    const one = at({}, border).findings.find(({ name }) => name === 'failures')
    expect(one?.verdict).not.toBe('worse')
    const more = seen({ candidate: 25, control: 8 })
    expect(at({}, more).kind).toBe('rollback')
    const rating = { ...latency, name: 'rating', role: 'guardrail', scale: 'absolute' } as const
    const ten = planOf({ metrics: Array.from({ length: 19 }, (_, index) => ({ ...rating, name: `m${index}` })) })
    expect(at({}, more, ten).kind).toBe('wait')
  })
})

describe('a signal', () => {
  test('holds, also while people are waited for, until somebody resumes', () => {
    const slow = seen({ means: [slower(1.6)] })
    expect(at({}, slow)).toMatchObject({ kind: 'hold', causes: ['latency'] })
    expect(at({ status: 'awaiting_approval' }, slow).kind).toBe('hold')
    expect(at({ status: 'held' }, slow).kind).toBe('wait')
    expect(at({ accepted: ['latency'] }, slow).kind).toBe('advance')
  })
  test('of the split holds when subjects were not dealt evenly', () => {
    const crooked = seen()
    crooked.subjects.dealt = { candidate: 2000, control: 1600 }
    expect(at({}, crooked)).toMatchObject({ kind: 'hold', causes: ['split'], reason: expect.stringContaining('no even split') })
  })
  test('that is to be reported only does nothing', () => {
    expect(at({}, seen({ means: [slower(3)] }), planOf({ metrics: [{ ...latency, role: 'report' }] })).kind).toBe('advance')
  })
})

test('metrics keep their declared role unless the plan gives another', () => {
  const number = { direction: 'increase', level: 'inference' } as const
  const declared = {
    solved: { ...number, type: 'boolean', role: 'guardrail', aggregation: 'last' },
    rating: { ...number, type: 'float', role: 'signal', aggregation: 'mean' },
    intent: { type: 'label', labels: ['a', 'b'] },
  } as const
  const planned = plannedMetrics(declared, { rating: { role: 'report' }, latency: { role: 'guardrail', margin: 0.1 } })
  expect(planned.map(({ name, role, kind, margin }) => [name, role, kind, margin])).toEqual([
    ['latency', 'guardrail', 'mean', 0.1],
    ['cost', 'report', 'mean', 0.1],
    ['solved', 'guardrail', 'events', null],
    ['rating', 'report', 'mean', null],
  ])
})
