/**
 * What does an adaptive route win over an equal split, and how often does its guardrail take out a variant that fails no more than the others?
 *
 *     bun test/bench/bandit-simulation.ts [runs]
 *
 * Plays subjects one after another with the server's own `adapt`, seed 20261127, 10,000 subjects a run, a look every 200, weights that move at
 * most 10 points, floors of 5 %, `alpha` 0.05. Each subject is worth 1 with the rate of its variant and fails with its failure rate.
 */
import { seededRandom } from '../../src/lib/stats/random.ts'
import { adapt, type BanditPlan } from '../../src/rollout/bandit.ts'

type Truth = { rate: number; failure: number }
const plan: BanditPlan = { direction: 'increase', floorPercent: 5, minSubjects: 200, maxStepPercent: 10, alpha: 0.05 }
const runs = Number(process.argv[2] ?? 600)
const subjects = 10_000
const lookEvery = 200

const play = (truths: readonly Truth[], random: () => number) => {
  const arms = truths.map((_, at) => ({ variant: String(at), weight: 100 / truths.length, n: 0, won: 0, failed: 0 }))
  let reward = 0
  const out: { variant: number; at: number }[] = []
  for (let subject = 1; subject <= subjects; subject += 1) {
    let left = random() * 100
    let index = arms.findLastIndex(({ weight }) => weight > 0)
    for (const [at, { weight }] of arms.entries()) {
      if (left < weight) {
        index = at
        break
      }
      left -= weight
    }
    const [arm, truth] = [arms[index], truths[index]]
    if (arm === undefined || truth === undefined) throw new Error('no arm')
    arm.n += 1
    const won = random() < truth.rate ? 1 : 0
    arm.won += won
    reward += won
    arm.failed += random() < truth.failure ? 1 : 0
    if (subject % lookEvery !== 0) continue
    const { weights, stopped } = adapt(
      arms.map(({ variant, weight, n, won: successes, failed }) => {
        const mean = n === 0 ? 0 : successes / n
        return {
          variant,
          weightPercent: weight,
          value: { n, mean, variance: mean * (1 - mean), binary: true },
          failed: { successes: failed, trials: n },
        }
      }),
      plan,
      random,
    )
    for (const one of arms) one.weight = weights[one.variant] ?? 0
    for (const { variant } of stopped) out.push({ variant: Number(variant), at: subject })
  }
  return { reward: reward / subjects, weights: arms.map(({ weight }) => weight), out }
}

const cases: [string, Truth[]][] = [
  ['rates 10 and 12 %', [0.1, 0.12].map((rate) => ({ rate, failure: 0.02 }))],
  ['rates 10, 12 and 15 %', [0.1, 0.12, 0.15].map((rate) => ({ rate, failure: 0.02 }))],
  ['alike, all fail 2 %', [0.1, 0.1, 0.1].map((rate) => ({ rate, failure: 0.02 }))],
  ['alike, all fail 10 %', [0.1, 0.1, 0.1].map((rate) => ({ rate, failure: 0.1 }))],
  [
    'the best one fails 8 %, the others 2 %',
    [
      { rate: 0.1, failure: 0.02 },
      { rate: 0.15, failure: 0.08 },
      { rate: 0.1, failure: 0.02 },
    ],
  ],
]

console.log(`${runs} runs of ${subjects} subjects; equal split in brackets`)
const random = seededRandom(20_261_127)
for (const [name, truths] of cases) {
  const played = Array.from({ length: runs }, () => play(truths, random))
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const equal = mean(truths.map(({ rate }) => rate))
  const best = truths.findIndex(({ rate }) => rate === Math.max(...truths.map((truth) => truth.rate)))
  const worst = truths.findIndex(({ failure }) => failure === Math.max(...truths.map((truth) => truth.failure)))
  const alike = truths.every(({ failure }) => failure === truths[0]?.failure)
  const wrongly = played.filter(({ out }) => out.some(({ variant }) => alike || variant !== worst)).length / runs
  const rightly = played.flatMap(({ out }) => (alike ? [] : out.filter(({ variant }) => variant === worst).map(({ at }) => at)))
  const sorted = rightly.toSorted((left, right) => left - right)
  console.log(
    [
      name,
      `reward ${(100 * mean(played.map(({ reward }) => reward))).toFixed(2)} % (${(100 * equal).toFixed(2)} %)`,
      `best ends with ${mean(played.map(({ weights }) => weights[best] ?? 0)).toFixed(0)} %`,
      `taken out wrongly ${(100 * wrongly).toFixed(1)} %`,
      ...(alike
        ? []
        : [`rightly ${((100 * rightly.length) / runs).toFixed(1)} %, median after ${sorted[Math.floor(sorted.length / 2)]} subjects`]),
    ].join('; '),
  )
}
