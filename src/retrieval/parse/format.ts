import { AppError } from '../../lib/errors.ts'

export const formats = ['markdown', 'text', 'html', 'pdf', 'docx', 'csv', 'json'] as const
export type Format = (typeof formats)[number]

const byExtension: { [extension: string]: Format } = {
  md: 'markdown',
  markdown: 'markdown',
  mdx: 'markdown',
  txt: 'text',
  text: 'text',
  log: 'text',
  rst: 'text',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  pdf: 'pdf',
  docx: 'docx',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
}

/** Extensions a folder is searched for. */
export const knownExtensions: ReadonlySet<string> = new Set(Object.keys(byExtension))

export const byContentType: { [type: string]: Format } = {
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/markdown': 'markdown',
  'text/plain': 'text',
  'text/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'json',
  'application/pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
}

/** What a file is, by its first bytes where they tell, else by its name. Throws `invalid_request` for what cannot be read as text. */
export const formatOf = (bytes: Uint8Array, filename: string): Format => {
  if (bytes.length === 0) throw new AppError('invalid_request', 'the document is empty')
  const start = Buffer.from(bytes.subarray(0, 1024)).toString('latin1')
  const named = byExtension[/\.([A-Za-z0-9]+)$/.exec(filename)?.[1]?.toLowerCase() ?? '']
  if (start.startsWith('%PDF-')) return 'pdf'
  if (start.startsWith('PK\u0003\u0004')) {
    if (named === 'docx') return 'docx'
    throw new AppError('invalid_request', 'the document is an archive; of the zipped formats only .docx can be read')
  }
  if (start.startsWith('\u00D0\u00CF\u0011\u00E0'))
    throw new AppError('invalid_request', 'the document is an old or encrypted Office file; save it as an unprotected .docx')
  if (named === 'pdf' || named === 'docx') throw new AppError('invalid_request', `the document is named .${named} but is not one`)
  const isUtf16 = start.startsWith('\u00FF\u00FE') || start.startsWith('\u00FE\u00FF')
  if (!isUtf16 && start.includes('\u0000')) throw new AppError('invalid_request', 'the document is binary, and none of the known formats')
  if (named !== undefined) return named
  return /^\s*<(?:!doctype html|html[\s>])/i.test(start) ? 'html' : 'text'
}
