import { AppError } from '../../lib/errors.ts'
import type { ParsedText } from '../chunk/chunk.ts'
import { decodeUnicode } from './decode.ts'
import type { Format } from './format.ts'
import { csvText, jsonText } from './records.ts'

export type ParseLimits = { maxPages: number; maxCharacters: number }

type ParseFormat = (bytes: Uint8Array, limits: ParseLimits) => ParsedText | Promise<ParsedText>

const bounded =
  (parse: ParseFormat): ParseFormat =>
  async (bytes, limits) => {
    const parsed = await parse(bytes, limits)
    if (parsed.text.trim() === '') throw new AppError('invalid_request', 'the document holds no text')
    if (parsed.text.length > limits.maxCharacters)
      throw new AppError(
        'payload_too_large',
        `the document has ${parsed.text.length} characters of text; the limit is ${limits.maxCharacters}`,
      )
    return parsed
  }

const plain = (text: string): ParsedText => ({ title: null, text, markdown: false, pageStarts: [] })

/** Every format to text. The large parsers are loaded when their first document comes. */
export const parsers: Record<Format, ParseFormat> = {
  text: bounded((bytes) => plain(decodeUnicode(bytes))),
  markdown: bounded((bytes) => markdownText(decodeUnicode(bytes))),
  csv: bounded((bytes) => plain(csvText(decodeUnicode(bytes)))),
  json: bounded((bytes) => plain(jsonText(decodeUnicode(bytes)))),
  html: bounded(async (bytes) => (await import('./html.ts')).htmlText(decodeUnicode(bytes))),
  docx: bounded(async (bytes) => (await import('./docx.ts')).docxText(bytes)),
  pdf: bounded(async (bytes, limits) => (await import('./pdf.ts')).pdfText(bytes, limits.maxPages)),
}

/** Front matter is settings, not text; its title names the document, else the first heading of level 1 does. */
const markdownText = (text: string): ParsedText => {
  const matter = /^---\n([\s\S]*?)\n---(?:\n|$)/.exec(text)
  const title = /^title:[ \t]*(.+)$/m.exec(matter?.[1] ?? '')?.[1]?.replace(/^(["'])(.*)\1$/, '$2')
  const body = text.slice(matter?.[0].length ?? 0)
  return { title: (title ?? /^#[ \t]+(.+?)[ \t]*#*$/m.exec(body)?.[1] ?? null)?.trim() ?? null, text: body, markdown: true, pageStarts: [] }
}
