import { describe, expect, test } from 'vitest'
import { startEventEProcess } from '../../src/lib/stats/e-process.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import type { Moments } from '../../src/lib/stats/sample.ts'
import { assess, type Finding } from '../../src/rollout/assess.ts'
import type { PlannedMetric, RolloutPlan } from '../../src/rollout/plan.ts'

const seed = 20_261_127
const runs = 400
const latency: PlannedMetric = { name: 'latency', role: 'guardrail', kind: 'mean', direction: 'decrease', scale: 'log', margin: null }
const plan: RolloutPlan = { alpha: 0.05, failureMargin: 0.02, rescue: true, steps: [], metrics: [latency] }

/** Running moments. Welford 1962. */
const tally = () => {
  let [n, mean, squares] = [0, 0, 0]
  return {
    add: (value: number) => {
      n += 1
      const delta = value - mean
      mean += delta / n
      squares += delta * (value - mean)
    },
    moments: (): Moments => ({ n, mean, variance: n > 1 ? squares / (n - 1) : 0 }),
  }
}

/** Looks after every 25 subjects of each arm, up to 2,000; how many of the runs ever find `name` worse. */
const alarms = (name: string, next: (random: () => number, arm: 'candidate' | 'control') => number, split = 0.5): number => {
  const random = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  let alarmed = 0
  for (let run = 0; run < runs; run += 1) {
    const arms = { candidate: tally(), control: tally() }
    for (let subject = 1; subject <= 4_000; subject += 1) {
      const arm = random() < split ? 'candidate' : 'control'
      arms[arm].add(next(normal, arm))
      if (subject % 50 !== 0) continue
      const moments = { candidate: arms.candidate.moments(), control: arms.control.moments() }
      const dealt = { candidate: moments.candidate.n, control: moments.control.n }
      const findings = assess(plan, {
        subjects: { step: dealt, dealt },
        events: [{ name: 'failures', process: startEventEProcess(), counts: { candidate: 0, control: 0 } }],
        means: [{ name: 'latency', ...moments }],
      })
      if (verdictOf(findings, name) !== 'worse') continue
      alarmed += 1
      break
    }
  }
  return alarmed
}
const verdictOf = (findings: Finding[], name: string) => findings.find((finding) => finding.name === name)?.verdict

/** Logarithms of milliseconds: as wide as those of language models are. */
const latencyOf = (ratio: number) => (normal: () => number, arm: string) =>
  Math.log(800) + 0.6 * normal() + (arm === 'candidate' ? Math.log(ratio) : 0)

describe(`${runs} runs that are looked at 80 times each, seed ${seed}`, () => {
  test('an equally fast candidate is called slower in at most 5 %', () => {
    expect(alarms('latency', latencyOf(1)) / runs).toBeLessThanOrEqual(0.05)
  })

  test('one that takes a fifth longer is found in 95 %', () => {
    expect(alarms('latency', latencyOf(1.2)) / runs).toBeGreaterThanOrEqual(0.95)
  })

  test('an even split is called broken in at most 0.5 %, and one of 45 to 55 is found in 95 %', () => {
    expect(alarms('split', latencyOf(1)) / runs).toBeLessThanOrEqual(0.005)
    expect(alarms('split', latencyOf(1), 0.45) / runs).toBeGreaterThanOrEqual(0.95)
  })
})
