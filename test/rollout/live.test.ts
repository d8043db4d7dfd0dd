import { describe, expect, test } from 'vitest'
import { playLiveRollout } from '../support/live-rollout.ts'

const postgres = process.env.TEST_DATABASE_URL ?? ''

/** `test/bench/rollout-live.ts` plays the same at 200 requests a second. */
describe.skipIf(postgres === '')('a canary on two live servers', () => {
  test('that fails far more often is rolled back by nobody, and no user meets a failure of it', async () => {
    const outcome = await playLiveRollout({
      postgres,
      requestsPerSecond: 60,
      weightPercent: 20,
      failing: { stable: 0.02, candidate: 0.3 },
      rescue: true,
      seconds: 60,
      afterSeconds: 3,
    })
    expect(outcome.status).toBe('rolled_back')
    expect(outcome.events.map(({ kind, actor }) => [kind, actor.split(' ')[0]])).toEqual([
      ['create', 'local'],
      ['start', 'local'],
      ['rollback', 'controller'],
    ])
    expect(outcome.events[2]?.reason).toMatch(/^failures: e-value/)
    // The guardrail may reject as soon as two subjects failed; how many it takes depends on how they fell.
    expect(outcome.broke.candidate).toBeGreaterThan(1)
    // Every error is one that the stable variant's own upstream made.
    expect(outcome.errors).toHaveLength(outcome.broke.stable)
    expect(outcome.strays).toBe(0)
    expect(outcome.pinned).toBe(409)
  }, 120_000)
})
