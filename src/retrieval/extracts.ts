import type { OneOf } from '../models/chat-model.ts'
import { type ClosenessRequest, cited, closeEnough, closestSentences } from './closeness.ts'
import { cleanText } from './fence.ts'
import type { Passage } from './passages.ts'
import { sentencesOf } from './sentences.ts'

/** What a model says that finds no answer in its passages. */
export const notInPassages = 'I could not find that in the passages.'

/** All that a model may answer which may only quote: each sentence of the passages as it was shown, cited, or that none answers. */
export const extractsOf = (passages: readonly Passage[]): OneOf => {
  const sentences = passages.flatMap(({ text }, at) => sentencesOf(cleanText(text)).map((sentence) => ({ text: sentence, number: at + 1 })))
  return { type: 'one-of', texts: [...eachOnce(sentences).map(cited), notInPassages] }
}

/**
 * The same with a prior for each sentence: its closeness to the question times `weight`, in nats. That none answers is as close as a sentence
 * that would just be quoted.
 */
export const closeExtractsOf = async (request: ClosenessRequest, weight: number): Promise<OneOf> => {
  const sentences = eachOnce(await closestSentences(request))
  return {
    type: 'one-of',
    texts: [...sentences.map(cited), notInPassages],
    priors: [...sentences.map(({ closeness }) => weight * closeness), weight * closeEnough],
  }
}

/** Whether by the priors none answers. */
export const prefersNone = ({ priors }: OneOf): boolean => priors !== undefined && priors.at(-1) === Math.max(...priors)

const eachOnce = <One extends { text: string }>(sentences: readonly One[]): One[] => {
  const seen = new Set<string>()
  return sentences.filter(({ text }) => !seen.has(text) && seen.add(text))
}
