/** Turns texts into unit vectors. Throws `context_length_exceeded` when a text is longer than the model reads; never cuts silently. */
export type Embedder = {
  readonly id: string
  readonly dimensions: number
  /** Tokens one text may have. */
  readonly maxTokens: number
  embed(request: EmbedRequest): Promise<Embeddings>
  /** Token count of each text under the model's own tokenizer, special tokens included: the ruler for chunking. */
  countTokens(texts: string[], signal: AbortSignal): Promise<number[]>
}

export type EmbedRequest = {
  texts: string[]
  /** Leading dimensions to keep, then renormalised; only for models trained for it (Matryoshka) or hosts that offer it. */
  dimensions?: number | undefined
  /** What the texts are, for models with a query and a passage prefix. */
  purpose?: 'query' | 'passage' | undefined
  tenant: string
  requestId: string
  signal: AbortSignal
}

/** `vectors`: one Float32Array `[dimensions]` per text, in order. `tokens`: read by the model, all texts together. */
export type Embeddings = { vectors: Float32Array[]; tokens: number }
