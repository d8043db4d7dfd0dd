import mammoth from 'mammoth'
import { AppError } from '../../lib/errors.ts'
import type { ParsedText } from '../chunk/chunk.ts'
import { markdownOf } from './html.ts'

/** Headings, lists, tables and text of a Word document; pictures are left out. */
export const docxText = async (bytes: Uint8Array): Promise<ParsedText> => {
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes) },
      { convertImage: mammoth.images.imgElement(async () => ({ src: '' })) },
    )
    const text = markdownOf(value)
    return { title: /^# (.+)$/m.exec(text)?.[1] ?? null, text, markdown: true, pageStarts: [] }
  } catch (cause) {
    throw new AppError('invalid_request', 'the Word document is damaged and cannot be read', { cause })
  }
}
