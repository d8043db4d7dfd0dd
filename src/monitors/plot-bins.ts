import type { Distribution } from './distribution.ts'

/** Shares of both sides by bin, in order. */
export type Bins = { label: string; reference: number; window: number }[]

/** A distribution beside another as shares of at most `most` bins. Of vectors it is the distance to the reference's centre. */
export const binsOf = (reference: Distribution | undefined, window: Distribution | undefined, log: boolean, most = 20): Bins => {
  if (reference === undefined || window === undefined) return []
  if (reference.kind === 'numeric' && window.kind === 'numeric') {
    return numberBins(
      reference.values.map(({ value }) => value),
      window.values.map(({ value }) => value),
      log,
      most,
    )
  }
  if (reference.kind === 'vector' && window.kind === 'vector') {
    const distance = distanceTo(centreOf(reference.vectors.map(({ vector }) => vector)))
    return numberBins(
      reference.vectors.map(({ vector }) => distance(vector)),
      window.vectors.map(({ vector }) => distance(vector)),
      false,
      most,
    )
  }
  return 'counts' in reference && 'counts' in window ? categoryBins(reference, window, most) : []
}

const numberBins = (reference: number[], window: number[], log: boolean, most: number): Bins => {
  const scale = log ? (value: number) => Math.log(Math.max(value, 1e-9)) : (value: number) => value
  const back = log ? Math.exp : (value: number) => value
  const all = [...reference, ...window].map(scale).sort((left, right) => left - right)
  // A value in two hundred at each end may be anything; the outermost bins hold it.
  const low = all[Math.floor(all.length * 0.005)] ?? 0
  const high = all[Math.ceil(all.length * 0.995) - 1] ?? 0
  if (!(high > low)) return [{ label: digits(back(low)), reference: reference.length > 0 ? 1 : 0, window: window.length > 0 ? 1 : 0 }]
  const width = (high - low) / most
  const shares = (values: number[]) => {
    const counts = new Array<number>(most).fill(0)
    for (const value of values) {
      const at = Math.min(most - 1, Math.max(0, Math.floor((scale(value) - low) / width)))
      counts[at] = (counts[at] ?? 0) + 1 / values.length
    }
    return counts
  }
  const [before, now] = [shares(reference), shares(window)]
  return before.map((share, index) => ({ label: digits(back(low + index * width)), reference: share, window: now[index] ?? 0 }))
}

type Counts = Extract<Distribution, { counts: unknown }>

const categoryBins = (reference: Counts, window: Counts, most: number): Bins => {
  const shares = ({ counts, n }: Counts) => {
    const all = new Map<string, number>()
    for (const { value, n: own } of counts) all.set(value, (all.get(value) ?? 0) + own / n)
    return all
  }
  const [before, now] = [shares(reference), shares(window)]
  const bins = [...new Set([...before.keys(), ...now.keys()])]
    .map((label) => ({ label, reference: before.get(label) ?? 0, window: now.get(label) ?? 0 }))
    .sort((left, right) => right.reference + right.window - left.reference - left.window)
  if (bins.length <= most) return bins
  const rest = bins.slice(most - 1)
  const total = (side: 'reference' | 'window') => rest.reduce((sum, bin) => sum + bin[side], 0)
  return [...bins.slice(0, most - 1), { label: `${rest.length} others`, reference: total('reference'), window: total('window') }]
}

export const centreOf = (vectors: readonly Float32Array[]): Float32Array => {
  const centre = new Float32Array(vectors[0]?.length ?? 0)
  for (const vector of vectors)
    for (let at = 0; at < centre.length; at += 1) centre[at] = (centre[at] ?? 0) + (vector[at] ?? 0) / vectors.length
  return centre
}

export const distanceTo =
  (centre: Float32Array) =>
  (vector: Float32Array): number => {
    let squares = 0
    for (let at = 0; at < centre.length; at += 1) squares += ((vector[at] ?? 0) - (centre[at] ?? 0)) ** 2
    return Math.sqrt(squares)
  }

const digits = (value: number): string => String(Number(value.toPrecision(3)))
