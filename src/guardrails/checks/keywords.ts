import type { Check, Span } from '../check.ts'

/**
 * Words and phrases, found whole and however they are dressed: any case, full-width and other compatibility forms, accents, invisible
 * characters in between, any amount of white space.
 */
export const keywords = (words: readonly string[]): Check => {
  const wanted = words.map((word) => ({ word, plain: plainOf(word).text.trim() })).filter(({ plain }) => plain !== '')
  const longest = Math.max(...words.map((word) => word.length))
  return {
    // Room for what may be dressed up in between.
    reads: { kind: 'chars', chars: longest * 4 + 16 },
    find: async (text) => {
      const { text: plain, origin } = plainOf(text)
      const spans: Span[] = []
      const labels: string[] = []
      for (const { word, plain: sought } of wanted) {
        for (let at = plain.indexOf(sought); at >= 0; at = plain.indexOf(sought, at + 1)) {
          if (isInWord(plain, at - 1, at) || isInWord(plain, at + sought.length, at + sought.length - 1)) continue
          spans.push({ start: origin[at] as number, end: (origin[at + sought.length - 1] as number) + 1, label: 'removed' })
          if (!labels.includes(word)) labels.push(word)
        }
      }
      return spans.length === 0 ? undefined : { labels, spans }
    },
  }
}

/** Whether a word goes on from `edge` to its neighbour outside of the match. */
const isInWord = (text: string, outside: number, edge: number): boolean =>
  /[\p{L}\p{N}]/u.test(text[outside] ?? '') && /[\p{L}\p{N}]/u.test(text[edge] ?? '')

/** A text without its dress, and for each of its UTF-16 units the place in the original. */
const plainOf = (text: string): { text: string; origin: number[] } => {
  let plain = ''
  const origin: number[] = []
  let at = 0
  for (const character of text) {
    const bare = character
      .normalize('NFKD')
      .replace(/[\p{M}\p{Cf}]/gu, '')
      .toLowerCase()
    const written = /^\s+$/u.test(bare) ? (plain.endsWith(' ') ? '' : ' ') : bare
    for (const _ of Array.from({ length: written.length })) origin.push(at)
    plain += written
    at += character.length
  }
  return { text: plain, origin }
}
