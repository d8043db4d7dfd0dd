import type { Moments } from './sample.ts'

/** A metric together with the same subjects' values from before the experiment. Variances and covariance are the unbiased ones. */
export type PairedMoments = Moments & { pre: PrePeriod }
export type PrePeriod = { mean: number; variance: number; covariance: number }

/**
 * Takes out of each arm what its subjects' past explains, y − θ (x − mean x), with one θ for all arms, so that the difference of the means
 * keeps its meaning and loses variance. From moments alone; θ equals `cupedTheta` over all subjects. Deng et al. 2013.
 */
export const adjustForPast = (arms: readonly PairedMoments[]): { theta: number; arms: Moments[] } => {
  const n = arms.reduce((sum, arm) => sum + arm.n, 0)
  const mean = (of: (arm: PairedMoments) => number) => arms.reduce((sum, arm) => sum + arm.n * of(arm), 0) / n
  const preMean = mean((arm) => arm.pre.mean)
  const postMean = mean((arm) => arm.mean)
  let covariance = 0
  let variance = 0
  for (const arm of arms) {
    const offset = arm.pre.mean - preMean
    covariance += (arm.n - 1) * arm.pre.covariance + arm.n * offset * (arm.mean - postMean)
    variance += (arm.n - 1) * arm.pre.variance + arm.n * offset ** 2
  }
  const theta = variance > 0 ? covariance / variance : 0
  return {
    theta,
    arms: arms.map(({ n: size, mean: value, variance: spread, pre }) => ({
      n: size,
      mean: value - theta * (pre.mean - preMean),
      variance: Math.max(0, spread - 2 * theta * pre.covariance + theta ** 2 * pre.variance),
    })),
  }
}
