import { AppError } from '../../lib/errors.ts'

/** Each row as a paragraph of `column: value` lines, so that a row is found and cited by what its columns mean. RFC 4180 quoting; comma, semicolon or tab. */
export const csvText = (text: string): string => {
  const rows = csvRows(text, delimiterOf(text))
  const [header, ...body] = rows
  if (header === undefined || body.length === 0) return text
  const fieldOf = (value: string, at: number) =>
    value.trim() === '' ? [] : [`${header[at]?.trim() || `column ${at + 1}`}: ${value.trim()}`]
  return body.map((row) => row.flatMap(fieldOf).join('\n')).join('\n\n')
}

/** A JSON document, or one JSON document per line: each record a paragraph of `path: value` lines. */
export const jsonText = (text: string): string => {
  const value = parseJson(text)
  const records = Array.isArray(value) ? value : [value]
  return records.map((record) => [...leaves(record, '')].join('\n')).join('\n\n')
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const lines = text.split('\n').filter((line) => line.trim() !== '')
    return lines.map((line, at) => {
      try {
        return JSON.parse(line)
      } catch {
        throw new AppError('invalid_request', lines.length === 1 ? 'the document is not valid JSON' : `line ${at + 1} is not valid JSON`, {
          cause,
        })
      }
    })
  }
}

const leaves = function* (value: unknown, path: string): Generator<string> {
  if (value === null || typeof value !== 'object') yield path === '' ? String(value) : `${path}: ${value}`
  else if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object')) yield `${path}: ${value.join(', ')}`
  else for (const [key, inner] of Object.entries(value)) yield* leaves(inner, path === '' ? key : `${path}.${key}`)
}

const delimiterOf = (text: string): string => {
  const line = text.slice(0, text.indexOf('\n') < 0 ? text.length : text.indexOf('\n'))
  const counted = [',', ';', '\t'].map((mark) => [mark, line.split(mark).length] as const)
  return counted.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

const csvRows = (text: string, delimiter: string): string[][] => {
  const rows: string[][] = []
  let row: string[] = []
  let field = ''
  let quoted = false
  const endRow = () => {
    row.push(field)
    if (row.some((value) => value !== '')) rows.push(row)
    row = []
    field = ''
  }
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at] as string
    if (quoted) {
      if (mark !== '"') field += mark
      else if (text[at + 1] === '"') {
        field += '"'
        at += 1
      } else quoted = false
    } else if (mark === '"' && field === '') quoted = true
    else if (mark === delimiter) {
      row.push(field)
      field = ''
    } else if (mark === '\n') endRow()
    else field += mark
  }
  if (quoted) throw new AppError('invalid_request', 'the document has a quoted field that does not end')
  endRow()
  return rows
}
