/** Chance that at least one of `k` tries passes, estimated without bias from `passed` of `n`. Chen et al. 2021. */
export const passAtK = (n: number, passed: number, k: number): number => 1 - allOf(n, n - passed, k)

/** Chance that all of `k` tries pass. Yao et al. 2024 (τ-bench). */
export const passHatK = (n: number, passed: number, k: number): number => allOf(n, passed, k)

/** `C(marked, k) / C(n, k)`: the chance that `k` draws without return are all marked. */
const allOf = (n: number, marked: number, k: number): number => {
  let chance = 1
  for (let drawn = 0; drawn < k; drawn += 1) chance *= Math.max(0, marked - drawn) / (n - drawn)
  return chance
}

/** Agreement of two raters beyond chance, in [-1, 1]. Null when chance alone would always agree. Cohen 1960. */
export const cohensKappa = (pairs: readonly (readonly [string, string])[]): number | null => {
  const n = pairs.length
  const labels = [...new Set(pairs.flat())]
  const observed = pairs.filter(([left, right]) => left === right).length / n
  const share = (side: 0 | 1, label: string) => pairs.filter((pair) => pair[side] === label).length / n
  const chance = labels.reduce((sum, label) => sum + share(0, label) * share(1, label), 0)
  return n === 0 || chance === 1 ? null : (observed - chance) / (1 - chance)
}
