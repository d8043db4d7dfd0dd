import { stem, type Words, wordsOf } from './words.ts'

/** Why two questions may not share an answer, however close their vectors are. */
export type Difference = 'number' | 'negation' | 'name' | 'form' | 'order' | 'word'

/**
 * Embeddings put "is X allowed" beside "is X not allowed", and "within 5 days" beside "within 7 days": what they cannot tell apart is compared by
 * words. Undefined when nothing speaks against sharing. In doubt it does: a miss costs a call, a wrong hit a customer.
 */
export const differenceOf = (one: string, other: string): Difference | undefined => {
  const [left, right] = [wordsOf(one), wordsOf(other)]
  if (!sameList(left.numbers, right.numbers)) return 'number'
  if (left.negations !== right.negations) return 'negation'
  if (!sameNames(left, right)) return 'name'
  if (left.isPolar !== right.isPolar) return 'form'
  const [only, others] = [without(left.content, right.content), without(right.content, left.content)]
  // "From A to B" and "from B to A".
  if (only.length === 0 && others.length === 0) return sameList(left.content.map(stem), right.content.map(stem)) ? undefined : 'order'
  // One template with another word in it is another question; when many words differ, the vectors know better.
  return Math.max(only.length, others.length) <= fewWords ? 'word' : undefined
}

const fewWords = 2

const sameList = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((item, at) => item === right[at])

/** Who spells a name in lower case means it all the same. */
const sameNames = (left: Words, right: Words): boolean => {
  const named = new Set([...left.names, ...right.names])
  for (const name of named) if (!left.all.has(name) || !right.all.has(name)) return false
  const order = (words: Words) => words.content.filter((one) => named.has(one))
  return sameList(order(left), order(right))
}

/** Words of one list that the other does not have, in any inflection; as often as they are missing. */
const without = (words: readonly string[], others: readonly string[]): string[] => {
  const left = others.map(stem)
  return words.filter((one) => {
    const at = left.indexOf(stem(one))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** Whether a second answer says what the first one did: close in meaning, with the same numbers and the same yes or no. */
export const sameAnswer = (one: string, other: string, similarity: number, minSimilarity: number): boolean => {
  if (one === other) return true
  if (similarity < minSimilarity) return false
  const [left, right] = [wordsOf(one), wordsOf(other)]
  const numbers = (words: Words) => [...new Set(words.numbers.map((number) => number.split(' ')[0] ?? ''))].sort()
  return sameList(numbers(left), numbers(right)) && verdict(one) === verdict(other)
}

const verdict = (text: string): string | undefined => /^\W*(yes|no|ja|nein|oui|non|s[ií])\b/i.exec(text)?.[1]?.toLowerCase()
