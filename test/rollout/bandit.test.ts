import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { adapt, type BanditArm, type BanditPlan } from '../../src/rollout/bandit.ts'

const plan: BanditPlan = { direction: 'increase', floorPercent: 5, minSubjects: 100, maxStepPercent: 100, alpha: 0.05 }
const arm = (variant: string, weightPercent: number, n: number, mean: number, failures = 0): BanditArm => ({
  variant,
  weightPercent,
  value: { n, mean, variance: mean * (1 - mean), binary: true },
  failed: { successes: failures, trials: n },
})
const total = (weights: { [variant: string]: number }) => Object.values(weights).reduce((sum, weight) => sum + weight, 0)

describe('adaptive weights', () => {
  test('give the better variant nearly everything, and the other its floor', () => {
    const { weights, chances } = adapt([arm('a', 50, 1000, 0.1), arm('b', 50, 1000, 0.2)], plan, seededRandom(1))
    expect(weights.a).toBeCloseTo(5, 0)
    expect(weights.b).toBeCloseTo(95, 0)
    expect(chances?.b).toBeGreaterThan(0.999)
  })

  test('the lower value is the better one where the metric says so', () => {
    const { weights } = adapt([arm('a', 50, 1000, 0.1), arm('b', 50, 1000, 0.2)], { ...plan, direction: 'decrease' }, seededRandom(1))
    expect(weights.a).toBeGreaterThan(90)
  })

  test('the chance of two alike is a half: two normals of the same spread', () => {
    const { chances } = adapt([arm('a', 50, 400, 0.5), arm('b', 50, 400, 0.5)], plan, seededRandom(7))
    expect(chances?.a).toBeCloseTo(0.5, 1)
  })

  test('the chance is that of the difference of two normals', () => {
    // Means 0 and 1 with standard errors 1 and 1: Φ(1/√2) = 0.7602.
    const value = (mean: number) => ({ n: 400, mean, variance: 400, binary: false })
    const arms = [0, 1].map((mean) => ({
      variant: `v${mean}`,
      weightPercent: 50,
      value: value(mean),
      failed: { successes: 0, trials: 400 },
    }))
    expect(adapt(arms, plan, seededRandom(3)).chances?.v1).toBeCloseTo(0.7602, 1)
  })

  test('do not move while a variant has too few subjects, and never further than a step', () => {
    expect(adapt([arm('a', 70, 1000, 0.1), arm('b', 30, 99, 0.9)], plan, seededRandom(1))).toMatchObject({
      weights: { a: 70, b: 30 },
      chances: null,
    })
    const { weights } = adapt([arm('a', 70, 1000, 0.1), arm('b', 30, 1000, 0.9)], { ...plan, maxStepPercent: 10 }, seededRandom(1))
    expect(weights).toEqual({ a: 60, b: 40 })
  })

  test('always add up to 100, whatever comes in', () => {
    const random = seededRandom(11)
    for (let round = 0; round < 300; round += 1) {
      const count = 2 + Math.floor(random() * 4)
      const arms = Array.from({ length: count }, (_, at) => {
        const n = Math.floor(random() * 500)
        return arm(`v${at}`, Math.floor(random() * 50) + 1, n, random(), Math.floor(random() * n * 0.2))
      })
      const { weights } = adapt(arms, { ...plan, maxStepPercent: 1 + random() * 99 }, random)
      expect(total(weights)).toBeCloseTo(100, 6)
      expect(Object.values(weights).every((weight) => weight >= 0)).toBe(true)
    }
  })

  test('one that fails more often is out at once, however much its metric shines; a variant without weight stays out', () => {
    const arms = [arm('a', 45, 2000, 0.1, 40), arm('shiny', 55, 2000, 0.9, 240), arm('out', 0, 2000, 0.99, 0)]
    const { weights, stopped } = adapt(arms, plan, seededRandom(1))
    expect(stopped).toMatchObject([{ variant: 'shiny' }])
    expect(stopped[0]?.reason).toContain('fails for 12.0 % of its subjects, the others for 2.0 %')
    expect(weights).toEqual({ a: 100, shiny: 0, out: 0 })
  })

  test('the last variant stays, whatever it does', () => {
    expect(adapt([arm('a', 100, 2000, 0.1, 900)], plan, seededRandom(1))).toMatchObject({ weights: { a: 100 }, stopped: [] })
  })
})
