import { createHash } from 'node:crypto'
import { AppError } from '../../../src/lib/errors.ts'
import type { Embedder } from '../../../src/models/embedder.ts'
import type { EmbeddingModel } from '../../../src/retrieval/embedding.ts'

/**
 * An embedder that the tests can compute by hand: every word has its own pseudo-random direction, a text is the sum of its words. Texts with words in
 * common are near each other, which is all that an index and a search need to be tested.
 */
export const hashEmbedder = (
  options: { id?: string; dimensions?: number; salt?: string } = {},
): EmbeddingModel & { embedded: string[] } => {
  const { id = 'words', dimensions = 64, salt = '' } = options
  const embedded: string[] = []
  const directions = new Map<string, Float32Array>()
  const directionOf = (word: string): Float32Array => {
    const known = directions.get(word)
    if (known !== undefined) return known
    const direction = new Float32Array(dimensions)
    for (let at = 0; at < dimensions; at += 32) {
      const bytes = createHash('sha256').update(`${salt}${word}${at}`).digest()
      for (let offset = 0; offset < 32 && at + offset < dimensions; offset += 1)
        direction[at + offset] = (bytes[offset] as number) / 127.5 - 1
    }
    directions.set(word, direction)
    return direction
  }
  const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']
  const embedder: Embedder = {
    id,
    dimensions,
    maxTokens: 512,
    async embed({ texts, purpose, signal }) {
      signal.throwIfAborted()
      const vectors = texts.map((text) => {
        const words = wordsOf(text)
        if (words.length + 2 > 512) throw new AppError('context_length_exceeded', 'too long')
        if (purpose === 'passage') embedded.push(text)
        const sum = new Float32Array(dimensions)
        for (const word of words) {
          const direction = directionOf(word)
          for (let at = 0; at < dimensions; at += 1) sum[at] = (sum[at] as number) + (direction[at] as number)
        }
        const length = Math.hypot(...sum)
        return sum.map((value) => value / length)
      })
      return { vectors, tokens: texts.length }
    },
    countTokens: async (texts) => texts.map((text) => wordsOf(text).length + 2),
  }
  return { embedder, version: `hash-${id}-${dimensions}-${salt}`, embedded }
}
