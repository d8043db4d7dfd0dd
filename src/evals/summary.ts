import { type Interval, wilson } from '../lib/stats/proportions.ts'
import { passAtK, passHatK } from '../lib/stats/repeats.ts'
import { byCase, type CaseResult, mean } from './results.ts'

/** What a run comes to. Answers that failed or could not be judged are counted apart, never as passed. */
export type Summary = {
  cases: number
  answers: number
  passed: number
  failed: number
  errors: number
  undetermined: number
  /** Share of the judged cases that passed, a case with repeats by its majority of them; null when none was judged. */
  passRate: number | null
  /** Wilson, 95 %. */
  interval: Interval | null
  score: number | null
  /** Mean score of each metric over cases. */
  metrics: Record<string, number>
  /** Cases that must pass and did not, in every repeat. */
  mustPassFailed: string[]
  /** Over the cases with repeats: by `k`. */
  repeats: { k: number; passAtK: number; passHatK: number }[]
  costUsd: number | null
  unknownCost: number
  latencyMs: { p50: number; p95: number } | null
}

export const summarise = (results: readonly CaseResult[]): Summary => {
  const cases = byCase(results)
  const judged = cases.filter(({ passRate }) => passRate !== null)
  const passed = judged.filter(({ passRate }) => (passRate as number) > 0.5 || passRate === 1).length
  const names = [...new Set(cases.flatMap(({ metrics }) => Object.keys(metrics)))]
  const costs = results.flatMap(({ costUsd }) => costUsd ?? [])
  const latencies = results.flatMap(({ output }) => output?.latencyMs ?? []).sort((left, right) => left - right)
  return {
    cases: cases.length,
    answers: results.length,
    passed,
    failed: judged.length - passed,
    errors: results.filter(({ error }) => error !== null).length,
    undetermined: results.filter(({ error, passed: one }) => error === null && one === null).length,
    passRate: judged.length === 0 ? null : passed / judged.length,
    interval: judged.length === 0 ? null : wilson({ successes: passed, trials: judged.length }),
    score: mean(cases.flatMap(({ score }) => score ?? [])),
    metrics: Object.fromEntries(names.map((name) => [name, mean(cases.flatMap(({ metrics }) => metrics[name] ?? [])) ?? 0])),
    mustPassFailed: cases.filter(({ mustPass, passes, repeats }) => mustPass && passes < repeats).map(({ caseId }) => caseId),
    repeats: repeatFigures(cases),
    costUsd: costs.length === 0 ? null : costs.reduce((sum, cost) => sum + cost, 0),
    unknownCost: results.filter(({ costUsd, fromCache, error }) => costUsd === null && !fromCache && error === null).length,
    latencyMs: latencies.length === 0 ? null : { p50: at(latencies, 0.5), p95: at(latencies, 0.95) },
  }
}

const repeatFigures = (cases: ReturnType<typeof byCase>): Summary['repeats'] => {
  const repeated = cases.flatMap(({ repeats, passes, errors, undetermined }) => {
    const n = repeats - errors - undetermined
    return n > 1 ? [{ n, passes }] : []
  })
  const least = Math.min(...repeated.map(({ n }) => n))
  if (repeated.length === 0) return []
  return [...new Set([1, 3, 5, least])]
    .filter((k) => k <= least)
    .sort((left, right) => left - right)
    .map((k) => ({
      k,
      passAtK: mean(repeated.map(({ n, passes }) => passAtK(n, passes, k))) as number,
      passHatK: mean(repeated.map(({ n, passes }) => passHatK(n, passes, k))) as number,
    }))
}

const at = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number
