/** The words of a question that carry meaning, and how much each of them tells among some sentences. */
export type QuestionWords = {
  /** Share of what the question's words tell, 0 to 1, that a text holds; what only its surroundings hold counts as `share` of it. */
  heldWith(text: string, surroundings: string, share: number): number
}

/**
 * Words weighed by how rare they are among the candidate sentences: the word that only one sentence has tells more than those that the
 * subject brings into every one (Spärck Jones 1972, with the smoothing of BM25).
 */
export const questionWords = (question: string, sentences: readonly string[]): QuestionWords => {
  const held = sentences.map(wordsOf)
  const weights = new Map(
    [...wordsOf(question)].map((word) => {
      const having = held.filter((words) => words.has(word)).length
      return [word, Math.log(1 + (sentences.length - having + 0.5) / (having + 0.5))]
    }),
  )
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0) || 1
  return {
    heldWith: (text, surroundings, share) => {
      const [own, around] = [wordsOf(text), wordsOf(surroundings)]
      let sum = 0
      for (const [word, weight] of weights) sum += own.has(word) ? weight : around.has(word) ? weight * share : 0
      return sum / total
    },
  }
}

/** Whether a question asks for a number or a time. */
export const asksForQuantity = (question: string): boolean =>
  /^\s*(how (many|much|long|large|big|far|old|often|early|late|high|fast|soon)|when|(at )?what time|(in )?which (year|month|day))\b/i.test(
    question,
  )

/** Whether a sentence could answer such a question. */
export const holdsQuantity = (text: string): boolean => quantity.test(text)

const quantity =
  /\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|once|twice|hundred|thousand|million|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|october|november|december)s?\b/i

/** Cut to a stem of sorts, so that `closing` and `closes` meet `close`. */
const wordsOf = (text: string): Set<string> =>
  new Set((text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => !common.has(word)).map(stem))

const stem = (word: string): string => {
  const ending = ['ing', 'ed', 'es', 's', 'e'].find((one) => word.endsWith(one) && word.length - one.length >= 3) ?? ''
  return word
    .slice(0, word.length - ending.length)
    .replace(/i$/, 'y')
    .slice(0, 6)
}

const common = new Set(
  'a an and are as at be been by can could did do does for from had has have how i if in is it its may me my no not of on or should so that the their them then there they this to was we were what when where which who whom whose why will with would you your'.split(
    ' ',
  ),
)
