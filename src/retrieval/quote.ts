import type { Embedder } from '../models/embedder.ts'
import type { Passage } from './passages.ts'

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
 * invented. Undefined when no sentence is close. Closeness is the cosine of the sentence under its heading plus the share of the
 * question's words that it holds; both are needed, for a static embedder sees no names and words see no synonyms.
 */
export const quote = async ({ question, passages, embedder, tenant, requestId, signal }: QuoteRequest): Promise<string | undefined> => {
  const sentences = passages.flatMap((passage, at) =>
    sentencesOf(passage.text).map((text) => ({ text, number: at + 1, heading: passage.headingPath.at(-1) ?? '' })),
  )
  if (sentences.length === 0) return undefined
  const texts = [question, ...sentences.map(({ heading, text }) => `${heading}. ${text}`)]
  const { vectors } = await embedder.embed({ texts, tenant, requestId, signal })
  const [asked, ...found] = vectors
  if (!asked) return undefined
  const words = wordsOf(question)
  const scores = sentences.map(({ text }, at) => cosine(asked, found[at] ?? asked) + wordWeight * coverage(words, text))
  const best = scores.reduce((top, score, at) => (score > (scores[top] ?? 0) ? at : top), 0)
  const sentence = sentences[best]
  return sentence && (scores[best] ?? 0) >= closeEnough ? `${sentence.text} [${sentence.number}]` : undefined
}

/** Chosen on questions about this project's documentation: what is lower was beside the point. */
const closeEnough = 0.55
const wordWeight = 0.5

/** Sentences of prose and items of lists; headings and fences are not answers. */
const sentencesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => !/^\s*(#|```|\|)/.test(line))
    .join('\n')
    .split(/\n\s*\n|\n(?=\s*[-*] )/)
    .flatMap((block) =>
      [
        ...segmenter.segment(
          block
            .replace(/^\s*[-*] /, '')
            .replace(/\s+/g, ' ')
            .trim(),
        ),
      ].map(({ segment }) => segment.trim()),
    )
    .filter((sentence) => sentence.split(' ').length >= 3)

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })

/** Words that carry meaning, cut to a stem of sorts so that `keeps` meets `kept` half-way and `payloads` meets `payload`. */
const wordsOf = (text: string): Set<string> =>
  new Set((text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => !common.has(word)).map((word) => word.slice(0, 5)))

const coverage = (words: ReadonlySet<string>, text: string): number => {
  if (words.size === 0) return 0
  const held = wordsOf(text)
  return [...words].filter((word) => held.has(word)).length / words.size
}

const cosine = (left: Float32Array, right: Float32Array): number => left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0)

const common = new Set(
  'a an and are as at be been by can could did do does for from had has have how i if in is it its may me my no not of on or should so that the their them then there they this to was we were what when where which who whom whose why will with would you your'.split(
    ' ',
  ),
)
