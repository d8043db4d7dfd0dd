/** Probabilities of classes that exclude each other. */
export const softmax = (logits: Float32Array): Float32Array => {
  const largest = Math.max(...logits)
  const weights = logits.map((logit) => Math.exp(logit - largest))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit))

/** Class probabilities; one logit alone, or several labels at once, are independent of each other. */
export const classScores = (logits: Float32Array, multiLabel: boolean): Float32Array =>
  multiLabel || logits.length === 1 ? logits.map(sigmoid) : softmax(logits)

/** Relevance in [0, 1]: rerankers have one logit, or two classes of which the second means relevant. A softmax over one logit would always say 1. */
export const relevance = (logits: Float32Array): number => classScores(logits, false).at(-1) as number
