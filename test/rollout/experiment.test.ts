import { describe, expect, test } from 'vitest'
import { type Arm, type ReadingPlan, readMetric, readSplit } from '../../src/rollout/experiment.ts'

const shares = (variant: string, successes: number, n: number, subjects = n): Arm => {
  const mean = n === 0 ? 0 : successes / n
  return { variant, weightPercent: 50, subjects, values: { n, mean, variance: (mean * (1 - mean) * n) / (n - 1), binary: true, pre: null } }
}
const plan: ReadingPlan = { control: 'a', direction: 'increase', alpha: 0.05, split: null }
const verdictOf = (arms: Arm[], changes: Partial<ReadingPlan> = {}) => readMetric(arms, { ...plan, ...changes }).arms[1]?.verdict

describe('an experiment', () => {
  test('has the lift and always-valid interval that GrowthBook gives', () => {
    const { effect } = readMetric([shares('a', 1396, 3000), shares('b', 2422, 3461)], plan).arms[1]!
    expect(effect?.lift?.value).toBeCloseTo(0.50386, 5)
    expect(effect?.lift?.alwaysValidInterval?.low).toBeCloseTo(0.40098, 3)
    expect(effect?.lift?.alwaysValidInterval?.high).toBeCloseTo(0.60675, 3)
  })

  test('says better or worse by the direction of the metric', () => {
    const arms = [shares('a', 1396, 3000), shares('b', 2422, 3461)]
    expect(verdictOf(arms)).toMatchObject({ kind: 'better', text: expect.stringContaining('Better than a: 23.45 points higher') })
    expect(verdictOf(arms, { direction: 'decrease' })?.kind).toBe('worse')
  })

  test('may be read at a horizon, and needs more before it', () => {
    const arms = [shares('a', 500, 1000), shares('b', 550, 1000)]
    expect(readMetric(arms, { ...plan, horizonSubjects: 2000 })).toMatchObject({ basis: 'fixed_horizon' })
    expect(verdictOf(arms, { horizonSubjects: 2000 })?.kind).toBe('better')
    expect(verdictOf(arms)?.kind).toBe('no_difference_shown')
    const early = verdictOf(arms, { horizonSubjects: 4000 })
    expect(early).toMatchObject({
      kind: 'no_difference_shown',
      text: expect.stringContaining('The horizon is 4000 subjects; 2000 are in.'),
    })
  })

  test('never calls silence a success', () => {
    expect(verdictOf([shares('a', 500, 1000), shares('b', 0, 0, 1000)])).toEqual({
      kind: 'no_data',
      text: 'No subject of b has a value. Nothing can be concluded.',
    })
    expect(verdictOf([shares('a', 0, 0), shares('b', 10, 10)])?.kind).toBe('no_data')
    expect(verdictOf([shares('a', 0, 50), shares('b', 50, 50)])).toEqual({
      kind: 'too_few',
      text: 'b has 50 subjects with a value; 100 are needed. Nothing can be concluded yet.',
    })
    expect(verdictOf([shares('a', 0, 500), shares('b', 0, 500)])).toMatchObject({
      kind: 'too_few',
      text: expect.stringContaining('do not vary'),
    })
  })

  test('trusts no difference when the split is broken', () => {
    const arms = [shares('a', 1396, 3000), shares('b', 2422, 3461)]
    const split = readSplit(arms)
    expect(split).toMatchObject({ mismatch: true })
    expect(verdictOf(arms, { split })?.kind).toBe('split_mismatch')
  })

  test('corrects for several variants', () => {
    const arms = [shares('a', 500, 1000), shares('b', 548, 1000), shares('c', 500, 1000), shares('d', 505, 1000)]
    const reading = readMetric(arms, { ...plan, horizonSubjects: 4000 })
    const [, b] = reading.arms
    expect(b?.effect?.p).toBeLessThan(0.05)
    expect(b?.effect?.adjustedP).toBeGreaterThan(0.05)
    expect(b?.verdict?.kind).toBe('no_difference_shown')
  })

  test('compares means by Welch, with the interval of scipy', () => {
    const arm = (variant: string, n: number, mean: number, variance: number): Arm => ({
      variant,
      weightPercent: 50,
      subjects: n,
      values: { n, mean, variance, binary: false, pre: null },
    })
    const { effect } = readMetric([arm('a', 12, 10, 4), arm('b', 15, 12, 9)], plan).arms[1]!
    // scipy.stats.ttest_ind_from_stats(12, 3, 15, 10, 2, 12, equal_var=False), with its interval
    expect(effect).toMatchObject({ test: 'welch', difference: 2, alwaysValid: null })
    expect(effect?.p).toBeCloseTo(0.04921085214395753, 10)
    expect(effect?.interval?.low).toBeCloseTo(0.007481930126111536, 9)
    expect(effect?.minimumDetectable).toBeCloseTo((1.959963984540054 + 0.8416212335729143) * Math.sqrt(4 / 12 + 9 / 15), 9)
  })

  test('has no split to speak of without traffic, or with one weighted variant', () => {
    expect(readSplit([shares('a', 0, 0), shares('b', 0, 0)])).toBeNull()
    expect(readSplit([shares('a', 1, 2), { ...shares('b', 0, 0), weightPercent: 0 }])).toBeNull()
    expect(
      readSplit([
        { subjects: 500, weightPercent: 30 },
        { subjects: 520, weightPercent: 30 },
        { subjects: 610, weightPercent: 30 },
      ])?.p,
    ).toBeCloseTo(0.0018017, 7)
  })
})
