import type { Embedder } from '../models/embedder.ts'
import { cleanText } from './fence.ts'
import type { Passage } from './passages.ts'
import { asksForQuantity, holdsQuantity, questionWords } from './question-words.ts'
import { sentencesOf } from './sentences.ts'

export type ClosenessRequest = {
  question: string
  passages: readonly Passage[]
  embedder: Embedder
  tenant: string
  requestId: string
  signal: AbortSignal
}

/** A sentence of the passages as a model is shown it, with the number of its passage. */
export type CloseSentence = { text: string; number: number; closeness: number }

/**
 * Every sentence of the passages, the closest to the question first. Closeness is the cosine of the sentence under its heading, plus what it and
 * its surroundings hold of the question's words, plus whether it holds a number where one is asked for; all are needed, for a static embedder
 * sees no names and no numbers, and words see no synonyms.
 */
export const closestSentences = async ({ question, passages, embedder, ...rest }: ClosenessRequest): Promise<CloseSentence[]> => {
  const sentences = passages.flatMap((passage, at) => {
    const path = passage.headingPath.join(' ')
    const heading = passage.headingPath.at(-1) ?? ''
    return sentencesOf(cleanText(passage.text)).map((text, place, all) => ({
      text,
      number: at + 1,
      heading,
      around: `${path} ${all[place - 1] ?? ''}`,
    }))
  })
  if (sentences.length === 0) return []
  const texts = sentences.map(({ heading, text }) => `${heading}. ${text}`)
  const { vectors } = await embedder.embed({ texts: [question, ...texts], ...rest })
  const [asked, ...found] = vectors
  if (!asked) return []
  const words = questionWords(
    question,
    sentences.map(({ text }) => text),
  )
  const wantsQuantity = asksForQuantity(question)
  return sentences
    .map(({ text, number, around }, at) => {
      const quantity = wantsQuantity ? (holdsQuantity(text) ? quantityWeight : -quantityWeight) : 0
      const closeness = cosine(asked, found[at] ?? asked) + wordWeight * words.heldWith(text, around, surroundings) + quantity
      return { text, number, closeness }
    })
    .sort((left, right) => right.closeness - left.closeness)
}

/** A sentence with its citation. */
export const cited = ({ text, number }: { text: string; number: number }): string => `${text} [${number}]`

/** From this closeness on a sentence counts as an answer. It and the weights were chosen on questions of `test/bench/quote-quality.ts`. */
export const closeEnough = 0.875
const wordWeight = 1
const surroundings = 0.5
const quantityWeight = 0.2

const cosine = (left: Float32Array, right: Float32Array): number => left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0)
