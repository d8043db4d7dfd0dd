/**
 * Anytime-valid test that the canary fails more often than the control, fed one failure at a time. Lindon & Malek, NeurIPS 2022.
 *
 * Each subject is dealt to the canary with known probability `weight`, so under equal failure rates a failure is the canary's with exactly
 * that probability, whatever the base rate and even if it drifts. The e-value averages the likelihood ratios of nine rate ratios;
 * 1 / e is a p-value at any moment, so looking after every event costs no false alarms. Count at most one failure per subject.
 */
export type EventEProcess = {
  /** Likelihood ratio per entry of `rateRatios`. The whole state. */
  likelihoods: readonly number[]
  /** Current evidence; 1 at the start. */
  e: number
  /** Largest evidence so far: the decision must not forget. */
  maxE: number
  events: number
}

/** Canary's failure rate over the control's, under each alternative. */
export const rateRatios = [1.25, 1.5, 2, 3, 4, 6, 8, 12, 16] as const

export const startEventEProcess = (): EventEProcess => ({ likelihoods: rateRatios.map(() => 1), e: 1, maxE: 1, events: 0 })

/** The process after one more failure. `weight`: the chance in (0, 1) that this subject was dealt to the canary. */
export const observeEvent = (process: EventEProcess, event: { canary: boolean; weight: number }): EventEProcess => {
  const { canary, weight } = event
  const likelihoods = process.likelihoods.map((likelihood, index) => {
    const ratio = rateRatios[index] ?? 1
    const theta = (ratio * weight) / (1 - weight + ratio * weight)
    return likelihood * (canary ? theta / weight : (1 - theta) / (1 - weight))
  })
  const e = likelihoods.reduce((sum, likelihood) => sum + likelihood, 0) / likelihoods.length
  return { likelihoods, e, maxE: Math.max(process.maxE, e), events: process.events + 1 }
}

/** Always-valid p-value so far. */
export const eventPValue = (process: EventEProcess): number => Math.min(1, 1 / process.maxE)
