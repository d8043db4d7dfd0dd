import { getDocumentProxy, getMeta } from 'unpdf'
import { AppError } from '../../lib/errors.ts'
import type { ParsedText } from '../chunk/chunk.ts'
import { tidyText } from './decode.ts'

/** The text layer of a PDF, page by page. A scan has none, and says so. */
export const pdfText = async (bytes: Uint8Array, maxPages: number): Promise<ParsedText> => {
  const document = await open(bytes)
  if (document.numPages > maxPages)
    throw new AppError('payload_too_large', `the PDF has ${document.numPages} pages; the limit is ${maxPages}`)
  let text = ''
  const pageStarts: number[] = []
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number)
    const { items } = await page.getTextContent()
    const lines = tidyText(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join(''))
    pageStarts.push(text.length)
    text += `${lines.trim()}\n\n`
    page.cleanup()
  }
  if (text.trim() === '')
    throw new AppError('invalid_request', 'the PDF has no text layer: it is a scan, and this server does not read images')
  return { title: await titleOf(document), text, markdown: false, pageStarts }
}

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>

const open = async (bytes: Uint8Array): Promise<Pdf> => {
  try {
    return await getDocumentProxy(new Uint8Array(bytes))
  } catch (cause) {
    const encrypted = cause instanceof Error && cause.name === 'PasswordException'
    throw new AppError(
      'invalid_request',
      encrypted ? 'the PDF is encrypted: remove its password first' : 'the PDF is damaged and cannot be read',
      { cause },
    )
  }
}

const titleOf = async (document: Pdf): Promise<string | null> => {
  const { info } = await getMeta(document)
  const { Title: title } = (info ?? {}) as { Title?: unknown }
  return typeof title === 'string' && title.trim() !== '' ? tidyText(title.trim()) : null
}
