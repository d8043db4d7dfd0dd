import { describe, expect, test } from 'vitest'
import { compareRuns } from '../../src/evals/compare.ts'
import { gate } from '../../src/evals/gate.ts'
import type { CaseResult } from '../../src/evals/results.ts'
import { summarise } from '../../src/evals/summary.ts'
import { pairedDifference, signFlip } from '../../src/lib/stats/paired.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { cohensKappa, passAtK, passHatK } from '../../src/lib/stats/repeats.ts'

const result = (caseId: string, passed: boolean | null, more: Partial<CaseResult> = {}): CaseResult => ({
  caseId,
  repeat: 0,
  group: caseId,
  mustPass: false,
  tags: [],
  input: '',
  expected: null,
  output: null,
  error: null,
  passed,
  score: passed === null ? null : Number(passed),
  assertions: passed === null ? [] : [{ metric: 'answer', type: 'equals', weight: 1, score: Number(passed), pass: passed, reason: '' }],
  costUsd: 0,
  fromCache: false,
  ...more,
})
const runOf = (passes: (boolean | null)[]) => passes.map((passed, at) => result(`case-${at}`, passed))

describe('statistics', () => {
  test('reference figures', () => {
    expect(passAtK(10, 3, 5)).toBeCloseTo(0.9166667, 7)
    expect(passHatK(10, 9, 3)).toBeCloseTo(0.7, 9)
    const pairs = [...Array(5).fill(['y', 'y']), ['y', 'n'], ['n', 'y'], ...Array(3).fill(['n', 'n'])] as [string, string][]
    expect(cohensKappa(pairs)).toBeCloseTo(0.5833333, 7)
    // scipy.stats.ttest_1samp
    const { p, mean } = pairedDifference([0.1, 0.2, -0.1, 0.3, 0, 0.2])
    expect(mean).toBeCloseTo(0.1166667, 7)
    expect(p).toBeCloseTo(0.1098665, 7)
    // All signs alike in six pairs: 2 of 64.
    expect(signFlip([1, 2, 3, 4, 5, 6])).toBe(2 / 64)
    expect(signFlip([1, -1])).toBe(1)
  })

  test('seeded draws agree with the exact count', () => {
    const random = seededRandom(7)
    const values = Array.from({ length: 14 }, () => random() - 0.4)
    expect(signFlip([...values, 0.0001], { draws: 40_000 })).toBeCloseTo(signFlip(values), 1)
  })

  test('agreement in every case is no proof: the interval is as wide as the rule of three', () => {
    const { low, high } = pairedDifference(Array(30).fill(0))
    expect(high).toBeCloseTo(1 - 0.05 ** (1 / 30), 9)
    expect(low).toBeCloseTo(-high, 9)
  })

  test('a suite of equal runs is called regressed in at most 5 % of draws', () => {
    const random = seededRandom(20_261_127)
    let regressed = 0
    let undecided = 0
    const draws = 400
    for (let draw = 0; draw < draws; draw += 1) {
      const run = () => runOf(Array.from({ length: 60 }, () => random() < 0.8))
      const { outcome } = compareRuns(run(), run(), 0)
      if (outcome === 'regressed') regressed += 1
      if (outcome === 'undecided') undecided += 1
    }
    expect(regressed / draws).toBeLessThanOrEqual(0.05)
    expect(undecided).toBeGreaterThan(0)
  })
})

describe('a comparison', () => {
  test('tells regressed, non-inferior and undecided apart, and what it could have seen', () => {
    const good = runOf(Array(100).fill(true))
    const worse = runOf(Array.from({ length: 100 }, (_, at) => at >= 20))
    const few = runOf([true, true, true])
    expect(compareRuns(good, worse, 0.05)).toMatchObject({ outcome: 'regressed', cases: 100 })
    expect(compareRuns(good, worse, 0.05).broken).toHaveLength(20)
    expect(compareRuns(good, good, 0.05).outcome).toBe('non-inferior')
    const small = compareRuns(few, few, 0.05)
    expect(small.outcome).toBe('undecided')
    expect(small.metrics[0]?.minimumDetectable).toBeGreaterThan(0.3)
  })

  test('cases of one group do not count as many', () => {
    const grouped = (passes: boolean[]) => passes.map((passed, at) => result(`case-${at}`, passed, { group: `group-${at % 2}` }))
    const [before, now] = [grouped(Array(40).fill(true)), grouped(Array.from({ length: 40 }, (_, at) => at % 2 === 0))]
    expect(compareRuns(before, now, 0.05).outcome).toBe('undecided')
    expect(compareRuns(runOf(Array(40).fill(true)), runOf(Array.from({ length: 40 }, (_, at) => at % 2 === 0)), 0.05).outcome).toBe(
      'regressed',
    )
  })

  test('pairs only what both judged', () => {
    const { cases, onlyInBaseline, onlyInCandidate } = compareRuns(
      runOf([true, null, true]),
      [...runOf([true, true]), result('new', true)],
      0.05,
    )
    expect({ cases, onlyInBaseline, onlyInCandidate }).toEqual({ cases: 1, onlyInBaseline: 2, onlyInCandidate: 2 })
  })
})

describe('the gate', () => {
  const gated = (results: CaseResult[], passRate = 0.5) => gate(summarise(results), undefined, { passRate })

  test('never takes an error or an unjudged answer for a pass', () => {
    expect(gated(runOf([true, true])).outcome).toBe('ok')
    expect(gated([...runOf([true, true]), result('broken', null, { error: 'timeout' })]).outcome).toBe('error')
    expect(gated([...runOf([true, true]), result('vague', null)]).outcome).toBe('undecided')
    expect(gated(runOf([null])).outcome).toBe('error')
    expect(gated(runOf([true, false, false])).outcome).toBe('failed')
  })

  test('a case that must pass must pass each time', () => {
    const repeats = [true, true, false].map((passed, repeat) => result('vital', passed, { repeat, mustPass: true }))
    expect(gated([...repeats, ...runOf(Array(20).fill(true))])).toMatchObject({
      outcome: 'failed',
      reasons: ['must pass and did not: vital'],
    })
  })

  test('repeats are averaged within their case, and give pass@k and pass^k', () => {
    const repeats = [true, true, false, false].map((passed, repeat) => result('flaky', passed, { repeat }))
    const summary = summarise([...repeats, ...[0, 1, 2, 3].map((repeat) => result('firm', true, { repeat }))])
    expect(summary).toMatchObject({ cases: 2, answers: 8, passed: 1, failed: 1 })
    expect(summary.repeats.find(({ k }) => k === 1)).toEqual({ k: 1, passAtK: 0.75, passHatK: 0.75 })
    expect(summary.repeats.find(({ k }) => k === 3)?.passHatK).toBe(0.5)
  })
})
