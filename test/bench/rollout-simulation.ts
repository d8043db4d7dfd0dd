/**
 * How often does a rollout roll back a candidate that is no worse, and how soon one that is?
 *
 *     bun test/bench/rollout-simulation.ts [runs]
 *
 * Plays one canary step against fixed failure rates with the server's own `decide`, seed 20261127, looking every 50 of at most 5,000 requests,
 * each of a subject of its own. The step never ends by itself, so a run ends in a rollback or with its requests.
 */
import type { RolloutPlan } from '../../src/rollout/plan.ts'
import { simulate } from '../../src/rollout/simulate.ts'

const runs = Number(process.argv[2] ?? 1000)
const hour = 3_600_000
const watched = (weightPercent: number): RolloutPlan => ({
  alpha: 0.05,
  failureMargin: 0.02,
  rescue: true,
  metrics: [],
  steps: [
    {
      mode: 'canary',
      weightPercent,
      minDurationMs: 1000 * hour,
      maxDurationMs: 1000 * hour,
      minSamples: 1,
      gate: 'auto',
      onInconclusive: 'hold',
    },
  ],
})

console.log(`${runs} runs each; share of runs rolled back, and median requests until then\n`)
for (const everyone of [true, false]) {
  console.log(everyone ? 'failures of everybody count (route without a cache)' : 'failures of the control alone count (route with a cache)')
  for (const [control, candidate, weight] of [
    [0.02, 0.02, 10],
    [0.1, 0.1, 10],
    [0.02, 0.08, 10],
    [0.02, 0.05, 10],
    [0.1, 0.2, 10],
    [0.02, 0.08, 5],
    [0.02, 0.08, 50],
  ] as const) {
    const started = performance.now()
    const { rolledBack, requestsToRollback } = await simulate({
      plan: watched(weight),
      failureRates: { control, candidate },
      runs,
      requests: 5000,
      requestsPerSecond: 10,
      lookEvery: 50,
      seed: 20_261_127,
      everyone,
    })
    const took = ((performance.now() - started) / 1000).toFixed(1)
    const rates = `${control * 100} % vs ${candidate * 100} %`.padEnd(13)
    console.log(
      `  ${rates} at ${String(weight).padStart(2)} %   ${(rolledBack / runs).toFixed(3)}   ${requestsToRollback?.median ?? '–'}   (${took} s)`,
    )
  }
}
