import { type ClosenessRequest, cited, closeEnough, closestSentences } from './closeness.ts'

/**
 * The sentence of the passages that is closest to the question, with its citation: an answer that no model worded, so nothing in it is
 * invented. Undefined when no sentence is close.
 */
export const quote = async (request: ClosenessRequest): Promise<string | undefined> => {
  const [best] = await closestSentences(request)
  return best && best.closeness >= closeEnough ? cited(best) : undefined
}
