import { AppError } from '../lib/errors.ts'

/** Puts variables into every `{{name}}` and `{{a.b}}` of a value's texts. Throws `invalid_request` for one that is not there. */
export const fill = (value: unknown, variables: Readonly<Record<string, unknown>>): unknown => {
  if (typeof value === 'string') return fillText(value, variables)
  if (Array.isArray(value)) return value.map((item) => fill(item, variables))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, variables)]))
}

export const fillText = (text: string, variables: Readonly<Record<string, unknown>>): string =>
  text.replace(/\{\{\s*([A-Za-z_][\w.]*)\s*\}\}/g, (_match, path: string) => {
    const found = path
      .split('.')
      .reduce<unknown>(
        (at, key) => (at !== null && typeof at === 'object' && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined),
        variables,
      )
    if (found === undefined) throw new AppError('invalid_request', `there is no variable '${path}'`)
    return typeof found === 'string' ? found : JSON.stringify(found)
  })
