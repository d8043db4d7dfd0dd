/** What a detector says of a window next to its reference. Bad input is never "no drift": it is `not-enough-data` or a thrown AppError. */
export type Finding =
  | { outcome: 'not-enough-data'; reason: string }
  | {
      outcome: 'compared'
      /** Name of the detector in the registry. */
      detector: string
      statistic: number
      /** Two-sided unless said; null for detectors without one. */
      pValue: number | null
      /** Size of the change in units that do not grow with the samples. */
      effect: number
      effectName: string
      /** The detector's own verdict before correction across signals: significant, and the effect at least its floor. */
      drifted: boolean
    }

export type Compared = Extract<Finding, { outcome: 'compared' }>

export type DetectorOptions = {
  /** Chance of a false alarm. Default 0.05. */
  alpha?: number
  /** Least size of reference and of window. Default 30. */
  minimumSamples?: number
  /** Least effect that counts as drift; the default is the detector's. */
  effectFloor?: number
  /** Of permutations and subsamples: the same seed gives the same finding. Default 1. */
  seed?: number
}

export type NumericDetector = {
  name: string
  kind: 'numeric'
  /** Effect below which nobody should be woken. */
  effectFloor: number
  compare(reference: readonly number[], window: readonly number[], options?: DetectorOptions): Finding
}

/** Compares counts by category. */
export type CategoricalDetector = {
  name: string
  kind: 'categorical'
  effectFloor: number
  compare(reference: ReadonlyMap<string, number>, window: ReadonlyMap<string, number>, options?: DetectorOptions): Finding
}

/** Compares embeddings. */
export type VectorDetector = {
  name: string
  kind: 'vector'
  effectFloor: number
  compare(reference: readonly Float32Array[], window: readonly Float32Array[], options?: DetectorOptions): Finding
}

export type Detector = NumericDetector | CategoricalDetector | VectorDetector

export const defaultAlpha = 0.05
export const defaultMinimumSamples = 30

/** What a test found, before the verdict. `null` in place of a p: a detector without one, judged by its effect alone. */
export type Comparison = { statistic: number; pValue: number | null; effect: number; effectName: string }

/** The verdict of two keys: a change must be significant and big. */
export const judge = (detector: Pick<Detector, 'name' | 'effectFloor'>, found: Comparison, options: DetectorOptions = {}): Compared => {
  const { alpha = defaultAlpha, effectFloor = detector.effectFloor } = options
  const significant = found.pValue === null || found.pValue <= alpha
  return { outcome: 'compared', detector: detector.name, ...found, drifted: significant && found.effect >= effectFloor }
}
