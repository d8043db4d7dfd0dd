import type { Embedder } from '../../src/models/embedder.ts'

/** An embedder whose vectors are the words of a text, whatever their order: as blind to "not" as real ones are. */
export const bagOfWords = (id = 'bag-of-words'): Embedder => ({
  id,
  dimensions,
  maxTokens: 500,
  countTokens: async (texts) => texts.map((text) => wordsOf(text).length),
  embed: async ({ texts }) => ({ vectors: texts.map(vectorOf), tokens: texts.reduce((sum, text) => sum + wordsOf(text).length, 0) }),
})

/** What an OpenAI-compatible host of this embedder answers to `POST /embeddings`. */
export const bagOfWordsResponse = (input: string[]): Response => {
  const data = input.map((text, index) => ({ object: 'embedding', index, embedding: [...vectorOf(text)] }))
  return Response.json({ object: 'list', model: 'bag', data, usage: { prompt_tokens: 1, total_tokens: 1 } })
}

const dimensions = 256

const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

const vectorOf = (text: string): Float32Array => {
  const vector = new Float32Array(dimensions)
  for (const word of new Set(wordsOf(text))) {
    const at = Number.parseInt(Bun.SHA256.hash(word, 'hex').slice(0, 8), 16) % dimensions
    // Long words say more than short ones.
    vector[at] = (vector[at] ?? 0) + word.length
  }
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map((value) => value / length)
}
