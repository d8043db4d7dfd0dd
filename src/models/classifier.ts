/** Scores texts against a model's fixed labels. */
export type Classifier = {
  readonly id: string
  readonly labels: readonly string[]
  classify(request: { texts: string[]; signal: AbortSignal }): Promise<{ results: LabelScore[][]; tokens: number }>
}

/** Scores of one text, best first; probabilities that sum to 1 unless the model is multi-label. */
export type LabelScore = { label: string; score: number }
