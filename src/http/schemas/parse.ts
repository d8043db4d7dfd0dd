import type { z } from 'zod'
import { AppError } from '../../lib/errors.ts'
import { unsupportedParameters } from './unsupported.ts'

/** The body as the schema's type, or a 400 that names the first parameter at fault as the client spelled it. */
export const parse = <Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> => {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const first = parsed.error.issues[0]
  if (first === undefined) throw new AppError('invalid_request', 'the body is not valid')
  throw explain(first, [])
}

const explain = (issue: z.core.$ZodIssue, above: PropertyKey[]): AppError => {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const deepest = deepestBranch(issue.errors)
    if (deepest !== undefined) return explain(deepest, path)
  }
  if (issue.code === 'unrecognized_keys') {
    const param = spell([...path, issue.keys[0] ?? ''])
    const reason = unsupportedParameters[param]
    return new AppError(
      'unsupported_parameter',
      reason === undefined ? `unknown parameter '${param}'` : `'${param}' is not supported: ${reason}`,
      { param },
    )
  }
  const param = spell(path)
  const subject = param === '' ? 'the body' : `'${param}'`
  return new AppError('invalid_request', `${subject}: ${issue.message}`, { param: param === '' ? undefined : param })
}

/** Of the branches of a union, the one that got furthest before it failed knows best what was meant. */
const deepestBranch = (branches: z.core.$ZodIssue[][]): z.core.$ZodIssue | undefined => {
  let deepest: z.core.$ZodIssue | undefined
  for (const [issue] of branches) if (issue && issue.path.length > (deepest?.path.length ?? 0)) deepest = issue
  return deepest
}

/** `['messages', 0, 'content']` as `messages[0].content`. */
const spell = (path: PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  )
