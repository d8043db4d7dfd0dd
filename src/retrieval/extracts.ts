import type { OneOf } from '../models/chat-model.ts'
import { type ClosenessRequest, closeEnough, closestSentences } from './closeness.ts'
import { cleanText } from './fence.ts'
import type { Passage } from './passages.ts'
import { sentencesOf } from './sentences.ts'

/** What a model says that finds no answer in its passages. */
export const notInPassages = 'I could not find that in the passages.'

/** All that a model may answer which may only quote: each sentence of the passages as it was shown, cited, or that none answers. */
export const extractsOf = (passages: readonly Passage[]): OneOf => {
  const sentences = passages.flatMap(({ text }, at) => sentencesOf(cleanText(text)).map((sentence) => ({ text: sentence, number: at + 1 })))
  return { type: 'one-of', texts: [...cited(sentences).keys(), notInPassages] }
}

/**
 * The same with a prior for each sentence: its closeness to the question times `weight`, in nats. That none answers is as close as a sentence
 * that would just be quoted.
 */
export const closeExtractsOf = async (request: ClosenessRequest, weight: number): Promise<OneOf> => {
  const sentences = cited(await closestSentences(request))
  const priors = [...sentences.values()].map(({ closeness }) => weight * closeness)
  return { type: 'one-of', texts: [...sentences.keys(), notInPassages], priors: [...priors, weight * closeEnough] }
}

/** With its citation, each sentence once. */
const cited = <One extends { text: string; number: number }>(sentences: readonly One[]): Map<string, One> => {
  const first = new Map<string, One>()
  for (const one of sentences) if (!first.has(one.text)) first.set(one.text, one)
  return new Map([...first.values()].map((one) => [`${one.text} [${one.number}]`, one]))
}
