import { randomBytes } from 'node:crypto'

/** What the model is shown of a passage. */
export type FencedPassage = { headingPath: string[]; text: string }

/**
 * Numbered passages between tags that only this request knows. The text goes into the user's turn, never the system role: what a document
 * says is material, not an instruction, and it cannot close a fence whose name it cannot guess. OWASP LLM01.
 */
export const fencePassages = (passages: readonly FencedPassage[], nonce = createNonce()): { nonce: string; text: string } => {
  const items = passages.map((passage, at) => {
    const heading = passage.headingPath.map((title) => cleanText(title).replace(/\s+/g, ' ')).join(' > ')
    return `[${at + 1}] ${heading}\n${cleanText(passage.text).trim()}`
  })
  return { nonce, text: `<passages-${nonce}>\n${items.join('\n')}\n</passages-${nonce}>` }
}

/** The user's turn of a route with retrieval. */
export const fencedQuestion = (fencedText: string, question: string): string => `${fencedText}\n\nQuestion: ${question}`

export const createNonce = (): string => randomBytes(4).toString('hex')

/**
 * Document text without what a reader does not see or what imitates our frame: zero-width, bidirectional, tag and control characters go;
 * fence tags, passage numbers at the start of a line and chat-template markers are written so that they read the same but match nothing.
 */
export const cleanText = (text: string): string =>
  text
    .replace(/\r\n?/g, '\n')
    .replace(invisible, '')
    .replace(/<(\/?\s*passages)/gi, '‹$1')
    .replace(/^([ \t]*)\[(\d{1,4})\]/gm, '$1($2)')
    .replace(/<\|/g, '‹|')

// Control and format characters but tab and newline: zero-width and bidirectional marks, soft hyphen, BOM, tag characters; and two line separators.
const invisible = /(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu
