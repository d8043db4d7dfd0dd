import { AppError } from '../../lib/errors.ts'

/** Text of bytes in UTF-8, or UTF-16 with a byte order mark; `invalid_request` for anything else rather than a text of wrong letters. */
export const decodeUnicode = (bytes: Uint8Array): string => {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
  try {
    return tidyText(new TextDecoder(encoding, { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new AppError('invalid_request', 'the document is not UTF-8: convert it first', { cause })
  }
}

/** One kind of line end, and nothing that Postgres refuses to store: no NUL and no half of a surrogate pair. */
export const tidyText = (text: string): string => text.replace(/\r\n?/g, '\n').replaceAll('\u0000', '').toWellFormed()
