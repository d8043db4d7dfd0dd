/** Scores how well each document answers a query. Cross-encoder. */
export type Reranker = {
  readonly id: string
  /** `scores` in [0, 1], one per document in the order given. */
  rerank(request: { query: string; documents: string[]; signal: AbortSignal }): Promise<{ scores: number[]; tokens: number }>
}
