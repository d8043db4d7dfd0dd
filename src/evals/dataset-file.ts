import { parse as parseCsv } from 'csv-parse/sync'
import { AppError } from '../lib/errors.ts'
import { type RawCase, rawCase } from './suite-schema.ts'

/** A case, and where it was read, for errors. `literal`: braces in its messages are what somebody sent, and no variables. */
export type PlacedCase = { raw: RawCase; place: string; literal?: boolean }

/**
 * Cases of a `.jsonl` or `.csv` file. Columns with the name of a field of a case are that field; all others are variables. Throws
 * `invalid_request` naming file and line for a line that cannot be read: none is skipped.
 */
export const readDatasetFile = (text: string, file: string): PlacedCase[] => {
  if (/\.jsonl$|\.ndjson$/.test(file)) return jsonLines(text, file)
  if (/\.csv$/.test(file)) return csvRows(text, file)
  throw new AppError('invalid_request', `${file}: datasets are .jsonl or .csv files`)
}

const jsonLines = (text: string, file: string): PlacedCase[] =>
  text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return []
    const place = `${file}:${index + 1}`
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw new AppError('invalid_request', `${place}: not valid JSON`)
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new AppError('invalid_request', `${place}: a case is a JSON object`)
    return toCase(value as Record<string, unknown>, place)
  })

const csvRows = (text: string, file: string): PlacedCase[] => {
  let rows: { record: Record<string, string>; info: { lines: number } }[]
  try {
    rows = parseCsv(text, { columns: true, bom: true, info: true, skip_empty_lines: true, trim: true }) as never
  } catch (error) {
    const { message, lines } = error as { message: string; lines?: number }
    throw new AppError('invalid_request', `${file}:${lines ?? 1}: ${message}`)
  }
  return rows.flatMap(({ record, info }) => {
    const { tags, must_pass, __expected, ...same } = record
    const given = Object.fromEntries(Object.entries(same).filter(([, value]) => value !== ''))
    return toCase(
      {
        ...given,
        ...(tags ? { tags: tags.split(/[;,]/).map((tag) => tag.trim()) } : {}),
        ...(must_pass ? { must_pass: /^(true|yes|1)$/i.test(must_pass) } : {}),
        ...(__expected ? { expected: __expected, assert: [{ type: 'equals', value: __expected }] } : {}),
      },
      `${file}:${info.lines}`,
    )
  })
}

const toCase = (row: Record<string, unknown>, place: string): PlacedCase => {
  const fields: Record<string, unknown> = {}
  const vars: Record<string, unknown> = { ...(row.vars as object | undefined) }
  for (const [name, value] of Object.entries(row)) {
    if (name in rawCase.shape) fields[name] = value
    else vars[name] = value
  }
  const parsed = rawCase.safeParse({ ...fields, vars })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new AppError('invalid_request', `${place}: ${issue?.path.join('.') || 'case'}: ${issue?.message}`)
  }
  return { raw: parsed.data, place }
}
