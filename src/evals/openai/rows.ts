import type { Database } from '../../db/database.ts'
import { AppError } from '../../lib/errors.ts'
import { compileClientSchema } from '../../models/structured-output.ts'
import { fileContent } from '../../retrieval/store/files.ts'
import type { DataSource, Row } from './wire.ts'
import { rows as rowsSchema } from './wire.ts'

/** The rows of a data source: those of the body, or the lines of a tenant's file. Throws `not_found` and, naming the line, `invalid_request`. */
export const readRows = async (db: Database, tenant: string, { source }: DataSource): Promise<Row[]> => {
  if (source.type === 'file_content') return source.content
  const text = new TextDecoder().decode(await fileContent(db, tenant, source.id))
  const lines = text.split(/\r?\n/).flatMap((line, index) => (line.trim() === '' ? [] : [parsed(line, index)]))
  const read = rowsSchema.safeParse(lines)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw fault(`line ${Number(issue?.path[0] ?? 0) + 1}: ${issue?.path.slice(1).join('.') || 'the row'}: ${issue?.message}`)
}

/** Throws `invalid_request` for the first row that the schema of the eval does not let pass. */
export const checkRows = (rows: readonly Row[], itemSchema: Record<string, unknown>): void => {
  const validate = compileItemSchema(itemSchema)
  for (const [index, { item }] of rows.entries()) {
    if (validate(item)) continue
    const [error] = validate.errors ?? []
    throw fault(`row ${index}: item${(error?.instancePath ?? '').replaceAll('/', '.')} ${error?.message ?? 'is not as item_schema says'}`)
  }
}

/** Throws `invalid_request`. Patterns of a client's schema are not run. */
export const compileItemSchema = (schema: Record<string, unknown>) => compileClientSchema(schema, 'data_source_config.item_schema')

const parsed = (line: string, index: number): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    throw fault(`line ${index + 1}: not valid JSON`)
  }
}

const fault = (message: string) => new AppError('invalid_request', `'data_source.source': ${message}`, { param: 'data_source.source' })
