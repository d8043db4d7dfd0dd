/** Seeded uniform numbers in [0, 1). Mulberry32. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Unit vectors that cluster as embeddings do: `clusters` centres in a space of `intrinsic` dimensions, noise around them, mapped linearly into
 * `dimensions`. Uniform random vectors would be a task no embedding poses.
 */
export const clusteredVectors = (options: {
  dimensions: number
  clusters: number
  intrinsic?: number
  seed: number
}): (() => Float32Array) => {
  const { dimensions, clusters, intrinsic = 48, seed } = options
  const random = seededRandom(seed)
  const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const map = Float32Array.from({ length: intrinsic * dimensions }, () => gauss() / Math.sqrt(intrinsic))
  const centres = Array.from({ length: clusters }, () => Float32Array.from({ length: intrinsic }, gauss))
  return () => {
    const centre = centres[Math.floor(random() * clusters)] as Float32Array
    const inner = centre.map((value) => value + 0.8 * gauss())
    const vector = new Float32Array(dimensions)
    for (let from = 0; from < intrinsic; from += 1) {
      for (let to = 0; to < dimensions; to += 1)
        vector[to] = (vector[to] as number) + (inner[from] as number) * (map[from * dimensions + to] as number)
    }
    const length = Math.hypot(...vector)
    return vector.map((value) => value / length)
  }
}
