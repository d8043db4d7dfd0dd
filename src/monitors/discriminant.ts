import type { Rows } from './vectors.ts'

/**
 * Direction that tells rows labelled 1 from those labelled 0, learnt from the rows in `train`: ridge regression on the label, which is
 * Fisher's discriminant with a shrunken covariance. Solved by conjugate gradients, so the work is linear in the dimensions.
 */
export const discriminant = (rows: Rows, labels: Uint8Array, train: Int32Array, ridge = 1): Float64Array => {
  const { values, dimensions } = rows
  const mean = new Float64Array(dimensions)
  for (const row of train) for (let place = 0; place < dimensions; place++) add(mean, place, at(values, row * dimensions + place))
  for (let place = 0; place < dimensions; place++) mean[place] = (mean[place] as number) / train.length
  const centred = new Float32Array(train.length * dimensions)
  let squares = 0
  train.forEach((row, index) => {
    for (let place = 0; place < dimensions; place++) {
      const value = at(values, row * dimensions + place) - (mean[place] as number)
      centred[index * dimensions + place] = value
      squares += value * value
    }
  })
  const ones = train.reduce((count, row) => count + (labels[row] as number), 0)
  const share = ones / train.length
  const target = Float64Array.from(train, (row) => (labels[row] as number) - share)
  // In units of the mean variance of a direction, so that it means the same for vectors of any length.
  const penalty = (ridge * squares) / dimensions
  return conjugateGradients(
    (direction) => {
      const image = transposed(centred, dimensions, forward(centred, dimensions, direction))
      for (let place = 0; place < dimensions; place++) add(image, place, penalty * (direction[place] as number))
      return image
    },
    transposed(centred, dimensions, target),
  )
}

/** Enough for a ranking of examples: with the penalty, the error falls at least by half each time. */
const steps = 12

/** x with `multiply(x) = right`, for a symmetric positive matrix. Hestenes & Stiefel 1952. */
const conjugateGradients = (multiply: (vector: Float64Array) => Float64Array, right: Float64Array): Float64Array => {
  const solution = new Float64Array(right.length)
  const residual = right.slice()
  let direction = right.slice()
  let error = inner(residual, residual)
  const start = error
  for (let step = 0; step < steps && error > start * 1e-12; step++) {
    const image = multiply(direction)
    const length = error / inner(direction, image)
    for (let place = 0; place < solution.length; place++) {
      add(solution, place, length * (direction[place] as number))
      add(residual, place, -length * (image[place] as number))
    }
    const next = inner(residual, residual)
    direction = direction.map((value, place) => (residual[place] as number) + (next / error) * value)
    error = next
  }
  return solution
}

const forward = (matrix: Float32Array, columns: number, vector: Float64Array): Float64Array => {
  const image = new Float64Array(matrix.length / columns)
  for (let row = 0; row < image.length; row++) {
    let sum = 0
    for (let column = 0; column < columns; column++) sum += at(matrix, row * columns + column) * (vector[column] as number)
    image[row] = sum
  }
  return image
}

const transposed = (matrix: Float32Array, columns: number, vector: Float64Array): Float64Array => {
  const image = new Float64Array(columns)
  for (let row = 0; row < vector.length; row++) {
    const factor = vector[row] as number
    for (let column = 0; column < columns; column++) add(image, column, factor * at(matrix, row * columns + column))
  }
  return image
}

const inner = (one: Float64Array, two: Float64Array): number => one.reduce((sum, value, place) => sum + value * (two[place] as number), 0)
const at = (values: Float32Array, place: number): number => values[place] as number
const add = (values: Float64Array, place: number, value: number): void => {
  values[place] = (values[place] as number) + value
}
