import { AppError } from '../../lib/errors.ts'

/** The vector scaled to length 1; `invalid_request` when it has another dimension, holds NaN or infinity, or is zero. */
export const unitVector = (vector: Float32Array, dimensions: number): Float32Array => {
  if (vector.length !== dimensions)
    throw new AppError('invalid_request', `the vector has ${vector.length} dimensions; this index has ${dimensions}`)
  let squares = 0
  for (const value of vector) squares += value * value
  if (!Number.isFinite(squares)) throw new AppError('invalid_request', 'the vector holds a value that is not a finite number')
  if (squares === 0) throw new AppError('invalid_request', 'the zero vector has no direction to search by')
  if (Math.abs(squares - 1) < 1e-6) return vector
  const scale = 1 / Math.sqrt(squares)
  return vector.map((value) => value * scale)
}
