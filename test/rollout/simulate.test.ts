import { describe, expect, test } from 'vitest'
import type { RolloutPlan } from '../../src/rollout/plan.ts'
import { type SimulationOptions, simulate } from '../../src/rollout/simulate.ts'

const hour = 3_600_000
const watched: RolloutPlan = {
  alpha: 0.05,
  failureMargin: 0.02,
  rescue: true,
  metrics: [],
  steps: [
    {
      mode: 'canary',
      weightPercent: 10,
      minDurationMs: 1000 * hour,
      maxDurationMs: 1000 * hour,
      minSamples: 1,
      gate: 'auto',
      onInconclusive: 'hold',
    },
  ],
}
const play = (control: number, candidate: number, changes: Partial<SimulationOptions> = {}) =>
  simulate({
    plan: watched,
    failureRates: { control, candidate },
    runs: 600,
    requests: 5000,
    requestsPerSecond: 10,
    lookEvery: 50,
    seed: 20_261_127,
    everyone: true,
    ...changes,
  })

describe('600 runs under continuous monitoring, seed 20261127', () => {
  test.each([0.02, 0.1])('at equal failure rates of %d at most 5 %% roll back', async (rate) => {
    const { runs, rolledBack } = await play(rate, rate)
    expect(runs).toBe(600)
    expect(rolledBack).toBeGreaterThan(0)
    expect(rolledBack / runs).toBeLessThanOrEqual(0.05)
  })

  test('8 % against 2 % at 10 % weight is caught in 99 %, after 900 requests in the median at most', async () => {
    const { runs, rolledBack, requestsToRollback } = await play(0.02, 0.08)
    expect(rolledBack / runs).toBeGreaterThanOrEqual(0.99)
    expect(requestsToRollback?.median).toBeLessThanOrEqual(900)
  })

  test('where only the control is compared false alarms are as rare', async () => {
    const { runs, rolledBack } = await play(0.1, 0.1, { everyone: false })
    expect(rolledBack / runs).toBeLessThanOrEqual(0.05)
  })
})

describe('a whole plan', () => {
  const canary = { ...watched.steps[0], minDurationMs: 60_000, minSamples: 200 } as const
  const plan: RolloutPlan = {
    ...watched,
    steps: [
      { ...canary, mode: 'shadow', weightPercent: 20 },
      { ...canary, weightPercent: 5 },
      { ...canary, weightPercent: 25, gate: 'manual' },
      { ...canary, weightPercent: 100, minDurationMs: 0 },
    ] as RolloutPlan['steps'],
  }
  test('promotes what is as good, and not what is worse', async () => {
    const good = await play(0.01, 0.01, { plan, runs: 60, requests: 60_000 })
    expect(good.promoted).toBeGreaterThanOrEqual(54)
    const bad = await play(0.02, 0.08, { plan, runs: 60, requests: 60_000 })
    expect([bad.promoted, bad.rolledBack]).toEqual([0, 60])
    // Most are found out in the shadow, where nobody is harmed.
    const withoutShadow = await play(0.02, 0.08, { plan: { ...plan, steps: plan.steps.slice(1) }, runs: 60, requests: 60_000 })
    expect(withoutShadow.rolledBack).toBe(60)
    expect(bad.harm).toBeLessThan(withoutShadow.harm / 5)
  })

  test('is the same again with the same seed', async () => {
    const options = { plan, runs: 10, requests: 10_000 }
    expect(await play(0.02, 0.05, options)).toEqual(await play(0.02, 0.05, options))
    expect(await play(0.02, 0.05, { ...options, seed: 2 })).not.toEqual(await play(0.02, 0.05, options))
  })
})
