import { benjaminiHochberg } from '../lib/stats/benjamini-hochberg.ts'
import { type Compared, defaultAlpha, type Finding } from './detector.ts'

/** A finding with what is left of it beside the others of its window. */
export type Verdict =
  | Extract<Finding, { outcome: 'not-enough-data' }>
  | (Compared & {
      /** p after correction; null when the detector gave none. */
      adjustedPValue: number | null
      /** Significant after correction, and the effect at least its floor. */
      alarm: boolean
    })

/**
 * Verdicts over the findings of all signals of one window: of the alarms at most a share `alpha` is false on average, however many signals
 * there are. Signals without enough data take no part. Order is kept. Benjamini & Hochberg 1995.
 */
export const correct = (findings: readonly Finding[], alpha: number = defaultAlpha): Verdict[] => {
  const pValues = findings.flatMap((finding) => (finding.outcome === 'compared' && finding.pValue !== null ? [finding.pValue] : []))
  const adjusted = benjaminiHochberg(pValues)[Symbol.iterator]()
  return findings.map((finding) => {
    if (finding.outcome !== 'compared') return finding
    const adjustedPValue = finding.pValue === null ? null : (adjusted.next().value ?? 1)
    return { ...finding, adjustedPValue, alarm: finding.drifted && (adjustedPValue === null || adjustedPValue <= alpha) }
  })
}
