import type { Route, Variant } from './route.ts'

/**
 * The variant that a subject gets, always the same one while the weights stand.
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
export const unitHash = (seed: string, arm: string, subject: string): number =>
  (new DataView(Bun.SHA256.hash(`${seed}\n${arm}\n${subject}`).buffer).getUint32(0) + 0.5) / 2 ** 32
