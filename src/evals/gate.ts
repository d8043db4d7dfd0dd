import type { Comparison } from './compare.ts'
import type { Summary } from './summary.ts'

export type GateSettings = { passRate: number }

/** `ok` may go on; `failed` must not; `undecided`: the suite cannot tell; `error`: answers are missing, so nothing was measured whole. */
export type Gate = { outcome: 'ok' | 'failed' | 'undecided' | 'error'; reasons: string[] }

/** What a run means for whoever waits for it. Errors and what could not be judged never pass. */
export const gate = (summary: Summary, comparison: Comparison | undefined, settings: GateSettings): Gate => {
  const failures: string[] = []
  if (summary.mustPassFailed.length > 0) failures.push(`must pass and did not: ${summary.mustPassFailed.join(', ')}`)
  if (comparison) {
    const worse = comparison.metrics
      .filter(({ metric, outcome, adjustedP }) => outcome === 'regressed' && (metric === 'pass' || adjustedP < 0.05))
      .map(({ metric, mean }) => `${metric} by ${percent(-mean)}`)
    if (worse.length > 0) failures.push(`worse than the baseline: ${worse.join(', ')}`)
  } else if (summary.passRate !== null && summary.passRate < settings.passRate) {
    failures.push(`${percent(summary.passRate)} of the cases passed, and ${percent(settings.passRate)} must`)
  }
  if (failures.length > 0) return { outcome: 'failed', reasons: failures }
  if (summary.errors > 0) return { outcome: 'error', reasons: [`${summary.errors} answers failed; an error is not a pass`] }
  if (summary.passRate === null) return { outcome: 'error', reasons: ['no answer could be judged'] }
  const open: string[] = []
  if (summary.undetermined > 0) open.push(`${summary.undetermined} answers could not be judged`)
  if (comparison?.outcome === 'undecided') {
    const [pass] = comparison.metrics
    open.push(
      comparison.cases === 0
        ? 'no case was judged in both runs'
        : `the suite could not have seen a difference of less than ${percent(pass?.minimumDetectable ?? 1)}; more cases would tell`,
    )
  }
  return open.length > 0 ? { outcome: 'undecided', reasons: open } : { outcome: 'ok', reasons: [] }
}

const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`
