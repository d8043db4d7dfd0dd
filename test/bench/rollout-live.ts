/**
 * Is a canary that fails 8 % rolled back without a human while 200 requests per second flow, and does anybody get an error that they would
 * not have had?
 *
 *     TEST_DATABASE_URL=postgres://… bun test/bench/rollout-live.ts
 *
 * Two server processes over one Postgres, 10 % of subjects on the candidate, upstreams that answer 500 to 2 % (stable) and 8 % (candidate) of
 * their calls, one attempt per call. Played with the stable model answering where the candidate fails, and without.
 */
import { playLiveRollout } from '../support/live-rollout.ts'

const postgres = process.env.TEST_DATABASE_URL
if (!postgres) throw new Error('set TEST_DATABASE_URL to a Postgres on which databases may be created')

for (const rescue of [true, false]) {
  const outcome = await playLiveRollout({
    postgres,
    requestsPerSecond: 200,
    weightPercent: 10,
    failing: { stable: 0.02, candidate: 0.08 },
    rescue,
    seconds: 120,
    afterSeconds: 5,
  })
  const { status, requestsUntil, requests, secondsUntil, errors, broke, strays, meanMs } = outcome
  const own = rescue ? broke.stable : broke.stable + broke.candidate
  console.log(`rescue ${rescue}: ${status} after ${requestsUntil} requests, ${secondsUntil.toFixed(1)} s; ${requests} requests in all`)
  console.log(
    `  upstream failures: ${broke.stable} of the stable, ${broke.candidate} of the candidate; errors of users: ${errors.length}, expected ${own}`,
  )
  console.log(
    `  calls to the candidate later than 1 s after the rollback was seen: ${strays}; pin answered ${outcome.pinned}; mean ${meanMs.toFixed(1)} ms`,
  )
  console.log(`  ${outcome.events.at(-1)?.reason}`)
}
