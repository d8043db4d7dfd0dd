import type { Comparison } from '../detector.ts'
import { vectorDetector } from '../guarded.ts'
import { dealer, permutationPValue } from '../permutation.ts'
import { mostVectors, rowsOf, squaredDistances, subsample } from '../vectors.ts'
import { folded, whitened } from '../whitening.ts'

/**
 * Maximum mean discrepancy: whether embeddings come from one distribution, whatever the change. Unbiased, under a Gaussian kernel of the
 * median distance; p by permutation over one matrix of kernels (Gretton et al. 2012). The vectors are whitened first, so that a new topic is
 * not drowned by how the common ones come and go (Harchaoui et al. 2008). Of larger sides a random 1,000 are compared.
 */
export const mmd = vectorDetector({ name: 'mmd', effectFloor: 0.01 }, (reference, window, { seed = 1 }) => {
  const chosen = (side: readonly Float32Array[]) => subsample(side.length, mostVectors, seed).map((place) => side[place] as Float32Array)
  return compareKernels(chosen(reference), chosen(window), seed)
})

const rounds = 499

/** Longer vectors are folded to this many dimensions: whitening takes work by their square. */
const mostDimensions = 512

const compareKernels = (first: readonly Float32Array[], second: readonly Float32Array[], seed: number): Comparison => {
  const size = first.length + second.length
  const kernels = gaussianKernels(squaredDistances(whitened(folded(rowsOf(first, second), mostDimensions, seed))), size)
  const smaller = Math.min(first.length, second.length)
  const places = Int32Array.from({ length: size }, (_, place) => (second.length === smaller ? size - 1 - place : place))
  const discrepancy = discrepancyOf(kernels, size)
  const statistic = discrepancy(places.subarray(0, smaller))
  const deal = dealer(places, smaller, seed)
  const pValue = permutationPValue(statistic, rounds, () => {
    deal()
    return discrepancy(places.subarray(0, smaller))
  })
  return { statistic, pValue, effect: Math.sqrt(Math.max(0, statistic)), effectName: 'maximum mean discrepancy' }
}

/** Unbiased MMD² of two samples under exp(−d² / 2σ²). */
export const squaredDiscrepancy = (first: readonly Float32Array[], second: readonly Float32Array[], sigma: number): number => {
  const size = first.length + second.length
  const kernels = squaredDistances(rowsOf(first, second)).map((squared) => Math.exp(-squared / (2 * sigma ** 2)))
  return discrepancyOf(kernels, size)(Int32Array.from(first, (_, place) => place))
}

/** σ² is half the median of the squared distances, over both sides alike so that the permutations keep it. */
const gaussianKernels = (squared: Float32Array, size: number): Float32Array => {
  const sample: number[] = []
  const stride = Math.max(1, Math.floor(size / 300))
  for (let row = 0; row < size; row += stride) {
    for (let column = row + 1; column < size; column += stride) {
      const distance = squared[row * size + column] as number
      // Equal vectors say nothing of the scale.
      if (distance > 0) sample.push(distance)
    }
  }
  const median = sample.sort((left, right) => left - right)[sample.length >> 1] ?? 1
  return squared.map((distance) => Math.exp(-distance / median))
}

/** MMD² between the rows that are named and all the others, out of sums over the named alone. */
const discrepancyOf = (kernels: Float32Array, size: number): ((named: Int32Array) => number) => {
  const rowSums = new Float64Array(size)
  for (let row = 0; row < size; row++) {
    let sum = 0
    for (let column = 0; column < size; column++) if (column !== row) sum += kernels[row * size + column] as number
    rowSums[row] = sum
  }
  const total = rowSums.reduce((sum, value) => sum + value, 0)
  return (named) => {
    const [n, m] = [named.length, size - named.length]
    let within = 0
    let withAll = 0
    for (let i = 0; i < n; i++) {
      const row = named[i] as number
      const start = row * size
      withAll += rowSums[row] as number
      let sum = 0
      for (let j = 0; j < i; j++) sum += kernels[start + (named[j] as number)] as number
      within += 2 * sum
    }
    const across = withAll - within
    return within / (n * (n - 1)) + (total - 2 * across - within) / (m * (m - 1)) - (2 * across) / (n * m)
  }
}
