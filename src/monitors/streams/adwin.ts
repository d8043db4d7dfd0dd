import { mustBeReadable, type StreamDetector } from './stream.ts'

export type AdwinOptions = {
  /** Chance of a false cut, roughly, at each look. */
  delta?: number
  /** Values between looks. */
  clock?: number
  /** Values before the first look. */
  grace?: number
  /** Least size of either part. */
  minimumPart?: number
}

/**
 * Keeps a window that grows while its mean stays, and fires when an older and a newer part of it differ by more than chance; starts anew
 * after that, as river does. Needs no threshold, and memory that grows with the logarithm of the window. Its bound is for values that span
 * a few units, such as outcomes, shares, scores and logarithms; milliseconds would make it fire more often. Bifet & Gavaldà 2007.
 */
export const adwin = ({ delta = 0.002, clock = 32, grace = 10, minimumPart = 5 }: AdwinOptions = {}): StreamDetector => {
  let window = createBuckets()

  /** The smallest difference of the means of parts of these sizes that is not chance. */
  const bound = (older: number, newer: number): number => {
    const { width, variance } = window
    const confidence = Math.log((2 * Math.log(width)) / delta)
    const harmonic = 1 / (older - minimumPart + 1) + 1 / (newer - minimumPart + 1)
    return Math.sqrt(2 * harmonic * variance * confidence) + (2 / 3) * harmonic * confidence
  }

  const isCut = (): boolean => {
    let older = 0
    let sum = 0
    for (const bucket of window.oldestFirst()) {
      older += bucket.size
      sum += bucket.sum
      const newer = window.width - older
      if (newer < minimumPart) return false
      if (older < minimumPart) continue
      if (Math.abs(sum / older - (window.sum - sum) / newer) > bound(older, newer)) return true
    }
    return false
  }

  return {
    name: 'adwin',
    add(value) {
      mustBeReadable(value)
      window.push(value)
      if (window.width <= grace) return 'warming-up'
      if (window.width % clock !== 0 || !isCut()) return 'stable'
      window = createBuckets()
      return 'drift'
    },
  }
}

/** Values that are remembered by their sum; `squares` is their squared distance to their mean. */
type Bucket = { size: number; sum: number; squares: number }

/** At most this many buckets of one size; one more, and the two oldest become one of twice the size. */
const bucketsPerSize = 5

const createBuckets = () => {
  /** `rows[i]`: buckets of 2^i values, oldest first. */
  const rows: Bucket[][] = [[]]
  let all: Bucket = { size: 0, sum: 0, squares: 0 }

  const compress = (row: number): void => {
    const buckets = rows[row]
    if (!buckets || buckets.length <= bucketsPerSize) return
    const [first, second] = buckets.splice(0, 2) as [Bucket, Bucket]
    rows[row + 1] ??= []
    rows[row + 1]?.push(join(first, second))
    compress(row + 1)
  }

  return {
    get width() {
      return all.size
    },
    get sum() {
      return all.sum
    },
    get variance() {
      return all.size === 0 ? 0 : all.squares / all.size
    },
    push(value: number) {
      const bucket = { size: 1, sum: value, squares: 0 }
      rows[0]?.push(bucket)
      all = join(all, bucket)
      compress(0)
    },
    *oldestFirst(): Generator<Bucket> {
      for (let row = rows.length - 1; row >= 0; row--) yield* rows[row] ?? []
    },
  }
}

const join = (one: Bucket, two: Bucket): Bucket => {
  const size = one.size + two.size
  const apart = one.size === 0 || two.size === 0 ? 0 : one.sum / one.size - two.sum / two.size
  return { size, sum: one.sum + two.sum, squares: one.squares + two.squares + ((one.size * two.size) / size) * apart ** 2 }
}
