import { AppError } from '../lib/errors.ts'
import { type AlignedCounts, alignCounts } from './counts.ts'
import {
  type CategoricalDetector,
  type Comparison,
  type DetectorOptions,
  defaultMinimumSamples,
  type Finding,
  judge,
  type NumericDetector,
  type VectorDetector,
} from './detector.ts'

/*
 * Detectors out of tests. A test trusts its samples; what it could not read is turned away here: too few samples are `not-enough-data`,
 * values that are no numbers, counts that are no counts and vectors of another length throw `invalid_request`. A broken signal must not
 * look like a quiet one.
 */

type Test<Sample> = (reference: Sample, window: Sample, options: DetectorOptions) => Comparison
type Named = { name: string; effectFloor: number }

export const numericDetector = (named: Named, test: Test<readonly number[]>): NumericDetector => ({
  ...named,
  kind: 'numeric',
  compare(reference, window, options = {}) {
    mustBeFinite('reference', reference)
    mustBeFinite('window', window)
    return shortage(reference.length, window.length, options) ?? judge(named, test(reference, window, options), options)
  },
})

export const categoricalDetector = (
  named: Named,
  test: (counts: AlignedCounts, options: DetectorOptions) => Comparison,
): CategoricalDetector => ({
  ...named,
  kind: 'categorical',
  compare(reference, window, options = {}) {
    mustBeCounts('reference', reference)
    mustBeCounts('window', window)
    const counts = alignCounts(reference, window)
    return shortage(counts.referenceTotal, counts.windowTotal, options) ?? judge(named, test(counts, options), options)
  },
})

export const vectorDetector = (named: Named, test: Test<readonly Float32Array[]>): VectorDetector => ({
  ...named,
  kind: 'vector',
  compare(reference, window, options = {}) {
    mustBeVectors(reference, window)
    return shortage(reference.length, window.length, options) ?? judge(named, test(reference, window, options), options)
  },
})

type Shortage = Extract<Finding, { outcome: 'not-enough-data' }>
type Side = 'reference' | 'window'

/** Why these sizes say nothing; null when they are enough. */
export const shortage = (reference: number, window: number, options: DetectorOptions): Shortage | null => {
  const need = Math.max(2, options.minimumSamples ?? defaultMinimumSamples)
  const short = (side: Side, size: number): Shortage => ({
    outcome: 'not-enough-data',
    reason: `the ${side} holds ${size} samples of at least ${need}`,
  })
  return reference < need ? short('reference', reference) : window < need ? short('window', window) : null
}

const refuse = (side: Side, what: string): never => {
  throw new AppError('invalid_request', `the ${side} of a drift detector holds ${what}`)
}

export const mustBeFinite = (side: Side, values: readonly number[]): void => {
  const broken = values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0)
  if (broken > 0) refuse(side, `${broken} of ${values.length} values that are no finite numbers`)
}

const mustBeCounts = (side: Side, counts: ReadonlyMap<string, number>): void => {
  for (const [category, count] of counts) {
    if (!Number.isSafeInteger(count) || count < 0) refuse(side, `${count} as the count of "${category}"`)
  }
}

/** Throws unless all vectors are finite and of one length, and not empty. */
export const mustBeVectors = (reference: readonly Float32Array[], window: readonly Float32Array[]): void => {
  const dimensions = reference[0]?.length ?? window[0]?.length ?? 0
  const check = (side: Side, vectors: readonly Float32Array[]) => {
    for (const vector of vectors) {
      if (vector.length === 0) refuse(side, 'an empty vector')
      if (vector.length !== dimensions) refuse(side, `a vector of ${vector.length} dimensions among those of ${dimensions}`)
      if (!vector.every(Number.isFinite)) refuse(side, 'a vector whose values are no finite numbers')
    }
  }
  check('reference', reference)
  check('window', window)
}
