import type { Embedder } from '../models/embedder.ts'
import type { Passage } from './passages.ts'
import { asksForQuantity, holdsQuantity, questionWords } from './question-words.ts'
import { sentencesOf } from './sentences.ts'

export type QuoteRequest = {
  question: string
  passages: readonly Passage[]
  embedder: Embedder
  tenant: string
  requestId: string
  signal: AbortSignal
}

/**
 * The sentence of the passages that is closest to the question, with its citation: an answer that no model worded, so nothing in it is
 * invented. Undefined when no sentence is close. Closeness is the cosine of the sentence under its heading, plus what it and its surroundings
 * hold of the question's words, plus whether it holds a number where one is asked for; all are needed, for a static embedder sees no names
 * and no numbers, and words see no synonyms.
 */
export const quote = async ({ question, passages, embedder, tenant, requestId, signal }: QuoteRequest): Promise<string | undefined> => {
  const sentences = passages.flatMap((passage, at) => {
    const path = passage.headingPath.join(' ')
    const heading = passage.headingPath.at(-1) ?? ''
    return sentencesOf(passage.text).map((text, place, all) => ({
      text,
      number: at + 1,
      heading,
      around: `${path} ${all[place - 1] ?? ''}`,
    }))
  })
  if (sentences.length === 0) return undefined
  const texts = sentences.map(({ heading, text }) => `${heading}. ${text}`)
  const { vectors } = await embedder.embed({ texts: [question, ...texts], tenant, requestId, signal })
  const [asked, ...found] = vectors
  if (!asked) return undefined
  const words = questionWords(
    question,
    sentences.map(({ text }) => text),
  )
  const wantsQuantity = asksForQuantity(question)
  const scores = sentences.map(({ text, around }, at) => {
    const quantity = wantsQuantity ? (holdsQuantity(text) ? quantityWeight : -quantityWeight) : 0
    return cosine(asked, found[at] ?? asked) + wordWeight * words.heldWith(text, around, surroundings) + quantity
  })
  const best = scores.reduce((top, score, at) => (score > (scores[top] ?? 0) ? at : top), 0)
  const sentence = sentences[best]
  return sentence && (scores[best] ?? 0) >= closeEnough ? `${sentence.text} [${sentence.number}]` : undefined
}

/** Chosen on the development and documentation questions of `test/bench/quote-quality.ts`. */
const closeEnough = 0.875
const wordWeight = 1
const surroundings = 0.5
const quantityWeight = 0.2

const cosine = (left: Float32Array, right: Float32Array): number => left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0)
