import { logChoose } from './special.ts'

/** Chance that at least one of `k` tries passes, estimated without bias from `passed` of `n`. Chen et al. 2021. */
export const passAtK = (n: number, passed: number, k: number): number =>
  n - passed < k ? 1 : 1 - Math.exp(logChoose(n - passed, k) - logChoose(n, k))

/** Chance that all of `k` tries pass. Yao et al. 2024 (τ-bench). */
export const passHatK = (n: number, passed: number, k: number): number =>
  passed < k ? 0 : Math.exp(logChoose(passed, k) - logChoose(n, k))

/** Agreement of two raters beyond chance, in [-1, 1]. Null when chance alone would always agree. Cohen 1960. */
export const cohensKappa = (pairs: readonly (readonly [string, string])[]): number | null => {
  const n = pairs.length
  const labels = [...new Set(pairs.flat())]
  const observed = pairs.filter(([left, right]) => left === right).length / n
  const share = (side: 0 | 1, label: string) => pairs.filter((pair) => pair[side] === label).length / n
  const chance = labels.reduce((sum, label) => sum + share(0, label) * share(1, label), 0)
  return n === 0 || chance === 1 ? null : (observed - chance) / (1 - chance)
}
