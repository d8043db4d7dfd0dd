import { seededRandom } from '../lib/stats/random.ts'
import { innerProducts, type Rows } from './vectors.ts'

/**
 * Rows with their mean taken out and, nearly, the same variance in all directions. Directions without more variance than noise would show
 * in so few rows are not blown up: their penalty is the largest eigenvalue of noise alone (Marchenko & Pastur 1967).
 */
export const whitened = (rows: Rows): Rows => {
  const centre = centred(rows)
  const { size, dimensions } = rows
  // Sums over the rows: the covariance but for its scale, which changes no comparison of distances.
  const covariance = innerProducts(transposed(centre))
  let trace = 0
  for (let place = 0; place < dimensions; place++) trace += covariance[place * dimensions + place] as number
  if (trace === 0) return centre
  const penalty = (trace / dimensions) * (1 + Math.sqrt(dimensions / size)) ** 2
  return solved(choleskyOf(covariance, dimensions, penalty), centre)
}

const centred = ({ values, size, dimensions }: Rows): Rows => {
  const mean = new Float64Array(dimensions)
  for (let place = 0; place < size * dimensions; place++) {
    const column = place % dimensions
    mean[column] = (mean[column] as number) + (values[place] as number) / size
  }
  const moved = new Float32Array(values.length)
  for (let place = 0; place < size * dimensions; place++) moved[place] = (values[place] as number) - (mean[place % dimensions] as number)
  return { values: moved, size, dimensions }
}

const transposed = ({ values, size, dimensions }: Rows): Rows => {
  const turned = new Float32Array(Math.ceil(dimensions / 4) * 4 * size)
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < dimensions; column++) turned[column * size + row] = values[row * dimensions + column] as number
  }
  return { values: turned, size: dimensions, dimensions: size }
}

/** Lower triangle L with L Lᵀ = matrix + penalty · I. */
const choleskyOf = (matrix: Float32Array, size: number, penalty: number): Float64Array => {
  const lower = new Float64Array(size * size)
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = (matrix[row * size + column] as number) + (row === column ? penalty : 0)
      const other = column * size
      const own = row * size
      for (let place = 0; place < column; place++) rest -= (lower[own + place] as number) * (lower[other + place] as number)
      lower[own + column] = row === column ? Math.sqrt(rest) : rest / (lower[other + column] as number)
    }
  }
  return lower
}

/** L⁻¹ of each row. */
const solved = (lower: Float64Array, { values, size, dimensions }: Rows): Rows => {
  const solution = new Float32Array(values.length)
  const row = new Float64Array(dimensions)
  for (let start = 0; start < size * dimensions; start += dimensions) {
    for (let place = 0; place < dimensions; place++) {
      let rest = values[start + place] as number
      const at = place * dimensions
      for (let before = 0; before < place; before++) rest -= (lower[at + before] as number) * (row[before] as number)
      row[place] = rest / (lower[at + place] as number)
    }
    solution.set(row, start)
  }
  return { values: solution, size, dimensions }
}

/** Rows of at most `most` dimensions: each dimension is added to a random one of them with a random sign. Weinberger et al. 2009. */
export const folded = (rows: Rows, most: number, seed: number): Rows => {
  const { values, size, dimensions } = rows
  if (dimensions <= most) return rows
  const random = seededRandom(seed)
  const targets = Int32Array.from({ length: dimensions }, () => Math.floor(random() * most))
  const signs = Int8Array.from({ length: dimensions }, () => (random() < 0.5 ? -1 : 1))
  const short = new Float32Array(Math.ceil(size / 4) * 4 * most)
  for (let row = 0; row < size; row++) {
    for (let place = 0; place < dimensions; place++) {
      const target = row * most + (targets[place] as number)
      short[target] = (short[target] as number) + (signs[place] as number) * (values[row * dimensions + place] as number)
    }
  }
  return { values: short, size, dimensions: most }
}
