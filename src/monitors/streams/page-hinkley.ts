import type { Moments } from '../../lib/stats/sample.ts'
import { mustBeReadable, type StreamDetector } from './stream.ts'

export type PageHinkleyOptions = {
  /** Drift that is let pass, in units of the values. */
  delta: number
  /** Sum of drift that raises the alarm, in units of the values. */
  threshold: number
  minimumValues?: number
  /** What is kept of the sums at each step. */
  keep?: number
  direction?: 'up' | 'down' | 'both'
}

/**
 * Sums how far values stray from their mean so far, and fires when the sum passes the threshold; starts anew after that. Its numbers are in
 * the units of the values, so prefer `pageHinkleyOfScores`. Page 1954, Hinkley 1971.
 */
export const pageHinkley = (options: PageHinkleyOptions): StreamDetector => {
  const { delta, threshold, minimumValues = 30, keep = 0.9999, direction = 'both' } = options
  let n = 0
  let mean = 0
  let up = 0
  let down = 0
  return {
    name: 'page-hinkley',
    add(value) {
      mustBeReadable(value)
      n += 1
      mean += (value - mean) / n
      up = direction === 'down' ? 0 : Math.max(0, keep * up + value - mean - delta)
      down = direction === 'up' ? 0 : Math.max(0, keep * down + mean - value - delta)
      if (n < minimumValues) return 'warming-up'
      if (up < threshold && down < threshold) return 'stable'
      n = mean = up = down = 0
      return 'drift'
    },
  }
}

/**
 * The same in standard deviations of a reference: one setting for milliseconds and for shares. At the defaults, 5,000 unchanged values raise
 * next to no alarm, and a shift by one deviation is found within some 40. Not for rare failures, whose scores are far from normal: `adwin`.
 */
export const pageHinkleyOfScores = (
  reference: Pick<Moments, 'mean' | 'variance'>,
  options: Partial<PageHinkleyOptions> = {},
): StreamDetector => {
  const detector = pageHinkley({ delta: 0.25, threshold: 25, ...options })
  const deviation = Math.sqrt(reference.variance)
  const score = (value: number) => {
    if (value === reference.mean) return 0
    // A constant has no deviation; whatever else then comes is far.
    return deviation > 0 ? (value - reference.mean) / deviation : Math.sign(value - reference.mean) * 10
  }
  return {
    name: 'page-hinkley-of-scores',
    add(value) {
      mustBeReadable(value)
      return detector.add(score(value))
    },
  }
}
