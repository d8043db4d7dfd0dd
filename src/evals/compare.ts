import { benjaminiHochberg } from '../lib/stats/benjamini-hochberg.ts'
import { minimumDetectable, type PairedDifference, pairedDifference, signFlip } from '../lib/stats/paired.ts'
import { mcnemarExact } from '../lib/stats/proportions.ts'
import { byCase, type CaseFigures, type CaseResult } from './results.ts'

/** Candidate minus baseline, case by case. */
export type MetricComparison = PairedDifference & {
  metric: string
  baseline: number
  candidate: number
  /** The test behind `p`. */
  test: 'McNemar, exact' | 'sign flip'
  /** Corrected over the metrics, Benjamini–Hochberg. */
  adjustedP: number
  minimumDetectable: number
  outcome: Outcome
}

/** `regressed`: worse by more than the margin. `non-inferior`: not worse by more than the margin. Else the suite is too small to say. */
export type Outcome = 'regressed' | 'non-inferior' | 'undecided'

export type Comparison = {
  /** Cases that both runs judged. */
  cases: number
  onlyInBaseline: number
  onlyInCandidate: number
  /** Passed before and fails now, and the reverse; by case. */
  broken: string[]
  mended: string[]
  /** `pass` first, then the metrics. */
  metrics: MetricComparison[]
  outcome: Outcome
}

/** Compares two runs of the same cases. The outcome is that of `pass`; metrics are told, and a regressed one is never hidden. */
export const compareRuns = (baseline: readonly CaseResult[], candidate: readonly CaseResult[], margin: number): Comparison => {
  const before = new Map(byCase(baseline).map((figures) => [figures.caseId, figures]))
  const now = byCase(candidate)
  const pairs = now.flatMap((figures): Pair[] => {
    const other = before.get(figures.caseId)
    return other === undefined || other.passRate === null || figures.passRate === null ? [] : [{ before: other, now: figures }]
  })
  const names = [...new Set(pairs.flatMap(({ now: figures }) => Object.keys(figures.metrics)))]
  const compared = [
    compareOn('pass', pairs, ({ passRate }) => passRate, margin),
    ...names.map((name) => compareOn(name, pairs, ({ metrics }) => metrics[name] ?? null, margin)),
  ].flatMap((one) => one ?? [])
  const adjusted = benjaminiHochberg(compared.map(({ p }) => p))
  const metrics = compared.map((one, index) => ({ ...one, adjustedP: adjusted[index] as number }))
  return {
    cases: pairs.length,
    onlyInBaseline: before.size - pairs.length,
    onlyInCandidate: now.length - pairs.length,
    broken: pairs.filter(({ before: was, now: is }) => passes(was) && !passes(is)).map(({ now: { caseId } }) => caseId),
    mended: pairs.filter(({ before: was, now: is }) => !passes(was) && passes(is)).map(({ now: { caseId } }) => caseId),
    metrics,
    outcome: metrics[0]?.outcome ?? 'undecided',
  }
}

type Pair = { before: CaseFigures; now: CaseFigures }

const passes = ({ passRate }: CaseFigures): boolean => (passRate ?? 0) > 0.5

const compareOn = (
  metric: string,
  pairs: readonly Pair[],
  read: (figures: CaseFigures) => number | null,
  margin: number,
): Omit<MetricComparison, 'adjustedP'> | undefined => {
  const values = pairs.flatMap(({ before, now }) => {
    const [from, to] = [read(before), read(now)]
    return from === null || to === null ? [] : [{ from, to, group: now.group }]
  })
  if (values.length === 0) return undefined
  const differences = values.map(({ from, to }) => to - from)
  const estimate = pairedDifference(differences, { clusters: values.map(({ group }) => group) })
  const binary = values.every(({ from, to }) => (from === 0 || from === 1) && (to === 0 || to === 1))
  const clustered = new Set(values.map(({ group }) => group)).size < values.length
  const worse = differences.filter((difference) => difference < 0).length
  const better = differences.filter((difference) => difference > 0).length
  return {
    ...estimate,
    metric,
    baseline: average(values.map(({ from }) => from)),
    candidate: average(values.map(({ to }) => to)),
    test: binary ? 'McNemar, exact' : 'sign flip',
    // Both tests take cases as independent; clustered cases have the p of their own errors.
    p: clustered ? estimate.p : binary ? mcnemarExact(worse, better) : signFlip(differences),
    minimumDetectable: estimate.standardError === 0 ? estimate.high - estimate.mean : minimumDetectable(estimate.standardError),
    outcome: estimate.high < -margin ? 'regressed' : estimate.low > -margin ? 'non-inferior' : 'undecided',
  }
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
