import type { Arm, Route, Variant } from './route.ts'

/** `arm`: which side of a trial the subject is on; null for those who are not part of one. */
export type Dealt = { variant: Variant; arm: Arm | null }

/**
 * The variant that a subject gets, and its arm while a trial runs. Whether a subject takes part and on which side are told by two hashes:
 * a larger share takes in more subjects, and nobody who takes part changes sides.
 */
export const deal = (route: Route, subject: string): Dealt => {
  const { trial } = route
  if (trial === undefined || unitHash(trial.seed, 'enrolment', subject) >= trial.weightPercent / 50) {
    return { variant: assign(route, subject), arm: null }
  }
  return unitHash(trial.seed, 'arm', subject) < 0.5
    ? { variant: trial.candidate, arm: 'candidate' }
    : { variant: trial.control, arm: 'control' }
}

/**
 * The variant that a subject gets by weight, always the same one while the weights stand.
 *
 * Weighted rendezvous hashing (Schindelhauer & Schomaker 2005, logarithmic method): each variant draws an exponential time at the rate of
 * its weight and the earliest wins. Who wins between two variants depends on those two alone, so raising a weight only moves subjects
 * into that variant, and never between two others. Cumulative intervals would shift every boundary after the raised one.
 */
export const assign = (route: Route, subject: string): Variant => {
  const [first, ...others] = route.variants
  if (others.length === 0) return first
  let winner = first
  let earliest = arrival(route.seed, first, subject)
  for (const variant of others) {
    const time = arrival(route.seed, variant, subject)
    if (time < earliest) {
      winner = variant
      earliest = time
    }
  }
  return winner
}

const arrival = (seed: string, variant: Variant, subject: string): number =>
  variant.weightPercent > 0 ? -Math.log(unitHash(seed, variant.name, subject)) / variant.weightPercent : Number.POSITIVE_INFINITY

/**
 * A number in (0, 1), uniform over subjects: the first 32 bits of sha256 over `seed`, `arm` and `subject` joined by newlines, plus a half,
 * over 2^32. Anyone can recompute it with `printf 'seed\narm\nsubject' | sha256sum`; vectors are in `test/rollout/assign.test.ts`.
 */
export const unitHash = (seed: string, arm: string, subject: string): number => (firstBits(`${seed}\n${arm}\n${subject}`) + 0.5) / 2 ** 32

const digest = new Uint8Array(32)
const view = new DataView(digest.buffer)
const firstBits = (text: string): number => {
  Bun.SHA256.hash(text, digest)
  return view.getUint32(0)
}
