import { cleanText } from './fence.ts'
import type { Passage } from './passages.ts'
import { sentencesOf } from './sentences.ts'

/** What a model says that finds no answer in its passages. */
export const notInPassages = 'I could not find that in the passages.'

/**
 * All that a model may answer which may only quote: each sentence of the passages as it was shown, with the number of the first passage that
 * holds it, and that none answers.
 */
export const extractsOf = (passages: readonly Passage[]): string[] => {
  const numbers = new Map<string, number>()
  passages.forEach(({ text }, at) => {
    for (const sentence of sentencesOf(cleanText(text))) if (!numbers.has(sentence)) numbers.set(sentence, at + 1)
  })
  return [...[...numbers].map(([sentence, number]) => `${sentence} [${number}]`), notInPassages]
}
