import { AppError } from '../lib/errors.ts'
import { type DetectorOptions, defaultMinimumSamples, type Finding } from './detector.ts'

type Shortage = Extract<Finding, { outcome: 'not-enough-data' }>

/** Why these sizes say nothing; null when they are enough. */
export const shortage = (
  reference: number,
  window: number,
  { minimumSamples = defaultMinimumSamples }: DetectorOptions,
): Shortage | null => {
  const need = Math.max(1, minimumSamples)
  if (reference < need) return notEnough(`the reference holds ${reference} of at least ${need} samples`)
  if (window < need) return notEnough(`the window holds ${window} of at least ${need} samples`)
  return null
}

export const notEnough = (reason: string): Shortage => ({ outcome: 'not-enough-data', reason })

/** Throws `invalid_request` when a value is not a finite number: a broken signal must not look like a quiet one. */
export const mustBeFinite = (side: 'reference' | 'window', values: Iterable<number>): void => {
  let broken = 0
  for (const value of values) if (!Number.isFinite(value)) broken += 1
  if (broken > 0) throw new AppError('invalid_request', `the ${side} holds ${broken} values that are not finite numbers`)
}
