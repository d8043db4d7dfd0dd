/** The generator behind the reference figures: x ← 1664525 x + 1013904223 mod 2^32, over 2^32. */
export const lcg = (seed: number): (() => number) => {
  let x = seed
  return () => {
    x = (Math.imul(1_664_525, x) + 1_013_904_223) >>> 0
    return x / 2 ** 32
  }
}

/** Standard normal out of uniform numbers. Box & Muller 1958. */
export const gaussian = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

export const series = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index))

export const countsOf = (values: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
