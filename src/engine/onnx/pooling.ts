/**
 * One unit vector per text from token embeddings `[texts × width × dimensions]`. Padding takes no part. A text without tokens, or whose
 * tokens cancel out, gives the zero vector: it is similar to nothing.
 */
export const poolTokens = (
  hidden: Float32Array,
  lengths: readonly number[],
  width: number,
  dimensions: number,
  pooling: 'mean' | 'cls',
): Float32Array[] =>
  lengths.map((length, text) => {
    const vector = new Float32Array(dimensions)
    const read = pooling === 'cls' ? Math.min(1, length) : length
    for (let token = 0; token < read; token++) {
      const offset = (text * width + token) * dimensions
      for (let axis = 0; axis < dimensions; axis++) vector[axis] = (vector[axis] as number) + (hidden[offset + axis] as number)
    }
    return toUnit(vector)
  })

/** Scales to length 1 in place. */
export const toUnit = (vector: Float32Array): Float32Array => {
  let squares = 0
  for (const value of vector) squares += value * value
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
  for (let axis = 0; axis < vector.length; axis++) vector[axis] = (vector[axis] as number) * scale
  return vector
}
