import { AppError } from '../lib/errors.ts'
import { compareVectors } from './compare-vectors.ts'
import { correct } from './correct.ts'
import type { DetectorOptions, Finding } from './detector.ts'
import { detectorOf } from './detectors/index.ts'
import { type Distribution, mostValues } from './distribution.ts'
import { shortage } from './guarded.ts'
import type { MonitorPlan } from './plan.ts'
import type { Signal, Tag } from './signal.ts'
import { mostVectors } from './vectors.ts'

/** What a window shows of one signal. Levels: the median of numbers, the share of `yes` of a rate, null for others. */
export type SignalFinding = {
  signal: string
  tag: Tag
  finding: Finding
  adjustedP: number | null
  referenceLevel: number | null
  windowLevel: number | null
  referenceN: number
  windowN: number
  /** Big enough, and significant after correction across the signals. */
  drifted: boolean
  /** Drifted to the side that is better. */
  improved: boolean
}

/**
 * Every signal that the reference and the window have, each against its reference, with the false discovery rate kept at `alpha`. Requests
 * get their turn between two signals.
 */
export const compareWindow = async (
  plan: Pick<MonitorPlan, 'alpha' | 'minSamples' | 'likeHours' | 'signals'>,
  wanted: readonly Signal[],
  reference: ReadonlyMap<string, Distribution>,
  window: ReadonlyMap<string, Distribution>,
  hours: ReadonlySet<number>,
): Promise<SignalFinding[]> => {
  const alike = plan.likeHours ? neighbours(hours) : undefined
  const found: SignalFinding[] = []
  for (const signal of wanted) {
    const settings = plan.signals[signal.name]
    const effectFloor = settings?.effectFloor ?? (settings?.detector === undefined ? signal.effectFloor : undefined)
    const [before, now] = [reference.get(signal.name), window.get(signal.name)]
    if (settings?.enabled === false || (before === undefined && now === undefined)) continue
    const compared = await spared(signal, before && onlyHours(before, alike), now, {
      detector: settings?.detector ?? signal.detector,
      options: { alpha: plan.alpha, minimumSamples: plan.minSamples, ...(effectFloor === undefined ? {} : { effectFloor }) },
    })
    found.push({ signal: signal.name, tag: signal.tag, adjustedP: null, drifted: false, improved: false, ...compared })
    await new Promise((resolve) => setImmediate(resolve))
  }
  return corrected(found, wanted, plan.alpha)
}

/** As `compareSignal`; what a detector refuses, such as vectors of two lengths, is said of its signal and keeps no other from being compared. */
const spared: typeof compareSignal = async (signal, before, now, how) => {
  try {
    return await compareSignal(signal, before, now, how)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { ...(await compareSignal(signal, undefined, undefined, how)), finding: { outcome: 'not-enough-data', reason: error.message } }
  }
}

const compareSignal = async (
  signal: Signal,
  before: Distribution | undefined,
  now: Distribution | undefined,
  { detector: name, options }: { detector: string; options: DetectorOptions },
): Promise<Pick<SignalFinding, 'finding' | 'referenceLevel' | 'windowLevel' | 'referenceN' | 'windowN'>> => {
  const sides = {
    referenceLevel: levelOf(before),
    windowLevel: levelOf(now),
    referenceN: before ? sizeOf(before) : 0,
    windowN: now ? sizeOf(now) : 0,
  }
  const missing = (reason: string) => ({ ...sides, finding: { outcome: 'not-enough-data', reason } as const })
  if (before === undefined) return missing('the reference has no value of it')
  if (now === undefined) return missing('the window has no value of it')
  const detector = detectorOf(name)
  if (detector.kind === 'numeric' && before.kind === 'numeric' && now.kind === 'numeric') {
    return { ...sides, finding: detector.compare(numbers(before), numbers(now), options) }
  }
  if (detector.kind === 'vector' && before.kind === 'vector' && now.kind === 'vector') {
    if (before.model !== now.model) return missing(`the reference was embedded by ${before.model}, the window by ${now.model}`)
    const [reference, window] = [vectors(before), vectors(now)]
    const short = shortage(reference.length, window.length, options)
    return { ...sides, finding: short ?? (await compareVectors({ detector: name, reference, window, options })) }
  }
  if (detector.kind === 'categorical' && 'counts' in before && 'counts' in now) {
    return { ...sides, finding: detector.compare(tally(before, signal), tally(now, signal), options) }
  }
  return missing(`the detector ${name} does not compare ${now.kind} signals`)
}

const corrected = (found: SignalFinding[], wanted: readonly Signal[], alpha: number): SignalFinding[] => {
  const verdicts = correct(
    found.map(({ finding }) => finding),
    alpha,
  )
  return found.map((one, index) => {
    const verdict = verdicts[index]
    if (verdict?.outcome !== 'compared') return one
    const drifted = verdict.alarm
    return { ...one, adjustedP: verdict.adjustedPValue, drifted, improved: drifted && isBetter(wanted, one) }
  })
}

/** Whether the window's level of a signal is on the better side of the reference's; never for a signal of which neither side is. */
export const isBetter = (
  wanted: readonly Signal[],
  { signal, referenceLevel, windowLevel }: { signal: string; referenceLevel: number | null; windowLevel: number | null },
): boolean => {
  const worse = wanted.find(({ name }) => name === signal)?.worse
  if (referenceLevel === null || windowLevel === null) return false
  return (worse === 'lower' && windowLevel > referenceLevel) || (worse === 'higher' && windowLevel < referenceLevel)
}

/** Each hour with the one before and the one after. */
const neighbours = (hours: ReadonlySet<number>): Set<number> =>
  new Set([...hours].flatMap((hour) => [(hour + 23) % 24, hour, (hour + 1) % 24]))

const onlyHours = (distribution: Distribution, hours: ReadonlySet<number> | undefined): Distribution => {
  if (hours === undefined) return distribution
  switch (distribution.kind) {
    case 'numeric': {
      const values = distribution.values.filter(({ hour }) => hours.has(hour))
      return { ...distribution, n: values.length, values }
    }
    case 'vector': {
      const own = distribution.vectors.filter(({ hour }) => hours.has(hour))
      return { ...distribution, n: own.length, vectors: own }
    }
    default: {
      const counts = distribution.counts.filter(({ hour }) => hours.has(hour))
      return { ...distribution, n: counts.reduce((sum, { n }) => sum + n, 0), counts }
    }
  }
}

/** Evenly spread over what there is, so that no hour is left out. */
const spread = <One>(all: readonly One[], most: number): One[] =>
  all.length <= most ? [...all] : Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)] as One)

const numbers = (distribution: Extract<Distribution, { kind: 'numeric' }>): number[] =>
  spread(distribution.values, mostValues).map(({ value }) => value)
const vectors = (distribution: Extract<Distribution, { kind: 'vector' }>): Float32Array[] =>
  spread(distribution.vectors, mostVectors).map(({ vector }) => vector)

const tally = (distribution: Extract<Distribution, { counts: unknown }>, signal: Signal): Map<string, number> => {
  // A rate that was never yes is still a rate.
  const counts = new Map<string, number>(
    signal.kind === 'rate'
      ? [
          ['yes', 0],
          ['no', 0],
        ]
      : [],
  )
  for (const { value, n } of distribution.counts) counts.set(value, (counts.get(value) ?? 0) + n)
  return counts
}

export const sizeOf = (distribution: Distribution): number => {
  if (distribution.kind === 'numeric') return distribution.values.length
  return distribution.kind === 'vector' ? distribution.vectors.length : distribution.n
}

export const levelOf = (distribution: Distribution | undefined): number | null => {
  if (distribution?.kind === 'numeric') {
    const sorted = distribution.values.map(({ value }) => value).sort((left, right) => left - right)
    return sorted[sorted.length >> 1] ?? null
  }
  if (distribution?.kind !== 'rate' || distribution.n === 0) return null
  return distribution.counts.reduce((sum, { value, n }) => sum + (value === 'yes' ? n : 0), 0) / distribution.n
}
