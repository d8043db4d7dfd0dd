import type { AssertionResult } from './score-case.ts'
import type { Output } from './scorer.ts'

/** One answer to one case. `error`: the target gave none; such an answer is neither passed nor failed. */
export type CaseResult = {
  caseId: string
  /** From 0 on. */
  repeat: number
  group: string
  mustPass: boolean
  tags: string[]
  input: string
  expected: unknown
  output: Output | null
  error: string | null
  passed: boolean | null
  score: number | null
  assertions: AssertionResult[]
  /** Of answer and judges together; null when a price is unknown. */
  costUsd: number | null
  fromCache: boolean
}

/** What a case comes to over its repeats. */
export type CaseFigures = {
  caseId: string
  group: string
  mustPass: boolean
  /** Share of the judged answers that passed; null when none was judged. */
  passRate: number | null
  score: number | null
  /** Mean score of each metric, of the answers where it was judged. */
  metrics: Record<string, number>
  repeats: number
  passes: number
  errors: number
  undetermined: number
}

/** Cases in the order of the suite, their repeats averaged first: repeats of one case are not independent. */
export const byCase = (results: readonly CaseResult[]): CaseFigures[] => {
  const grouped = Map.groupBy(results, ({ caseId }) => caseId)
  return [...grouped.values()].map((own) => {
    const [first] = own as [CaseResult]
    const judged = own.filter(({ passed }) => passed !== null)
    const passes = judged.filter(({ passed }) => passed).length
    return {
      caseId: first.caseId,
      group: first.group,
      mustPass: first.mustPass,
      passRate: judged.length === 0 ? null : passes / judged.length,
      score: mean(own.flatMap(({ score }) => score ?? [])),
      metrics: metricsOf(own),
      repeats: own.length,
      passes,
      errors: own.filter(({ error }) => error !== null).length,
      undetermined: own.filter(({ error, passed }) => error === null && passed === null).length,
    }
  })
}

const metricsOf = (results: readonly CaseResult[]): Record<string, number> => {
  const scores = Map.groupBy(
    results.flatMap(({ assertions }) => assertions),
    ({ metric }) => metric,
  )
  return Object.fromEntries(
    [...scores].flatMap(([metric, own]) => {
      const value = mean(own.flatMap(({ score }) => score ?? []))
      return value === null ? [] : [[metric, value]]
    }),
  )
}

export const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
