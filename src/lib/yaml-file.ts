import { isMap, LineCounter, type Node, type ParsedNode, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { AppError } from './errors.ts'

/** A YAML document that knows where everything stands. */
export type YamlFile = {
  value: unknown
  /** `file:line:column` of the deepest node that exists on the path. */
  at(path: PropertyKey[]): string
  /** What the schema makes of it. Throws `invalid_request` whose message lists every fault as `file:line:column: path: reason`. */
  parse<Schema extends z.ZodType>(schema: Schema): z.output<Schema>
}

/** Throws `invalid_request` with one line for each of `faults`. */
export const refuseFaults = (faults: string[]): void => {
  if (faults.length > 0) throw new AppError('invalid_request', faults.join('\n'))
}

/**
 * Reads YAML, strictly. Throws `invalid_request` naming each line at fault. Texts may hold `${NAME}` (must be set) or `${NAME:-default}`,
 * taken from `environment`; messages never repeat a value.
 */
export const readYaml = (text: string, file: string, environment: Readonly<Record<string, string | undefined>>): YamlFile => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true })
  const place = (offset: number | undefined) => {
    const position = lines.linePos(offset ?? 0)
    return `${file}:${position.line}:${position.col}`
  }
  refuseFaults(document.errors.map((error) => `${place(error.pos[0])}: ${error.message.split('\n')[0]}`))

  const missing: string[] = []
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'string' || !node.value.includes('${')) return
      node.value = node.value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (_match, variable: string, fallback?: string) => {
        const value = environment[variable] ?? fallback
        if (value === undefined)
          missing.push(`${place(node.range?.[0])}: environment variable ${variable} is not set (or write \${${variable}:-})`)
        return value ?? ''
      })
    },
  })
  refuseFaults(missing)

  const offsetOf = (path: PropertyKey[], key?: string) => offsetIn(document.contents, path, key)
  const value: unknown = document.toJS() ?? {}
  return {
    value,
    at: (path) => place(offsetOf(path)),
    parse: (schema) => {
      const parsed = schema.safeParse(value)
      if (!parsed.success) refuseFaults(parsed.error.issues.flatMap((issue) => explain(issue, [], offsetOf, place)))
      return parsed.data as z.output<typeof schema>
    },
  }
}

type OffsetOf = (path: PropertyKey[], key?: string) => number | undefined

/** One line per fault. Of a union, the branch that fits best speaks: the one with the fewest faults. */
const explain = (issue: z.core.$ZodIssue, above: PropertyKey[], offsetOf: OffsetOf, at: (offset?: number) => string): string[] => {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const weight = (faults: z.core.$ZodIssue[]) =>
      faults.length +
      faults.filter((fault) => fault.code === 'unrecognized_keys').flatMap((fault) => fault.keys).length * 2 +
      (faults.some((fault) => fault.path.at(-1) === 'kind') ? 100 : 0)
    const best = [...issue.errors].sort((left, right) => weight(left) - weight(right))[0] ?? []
    return best.flatMap((inner) => explain(inner, path, offsetOf, at))
  }
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${at(offsetOf(path, key))}: ${[...path, key].join('.')}: unknown key`)
  return [`${at(offsetOf(path))}: ${path.join('.') || 'file'}: ${issue.message}`]
}

/** Offset of the deepest node that exists on the path, or of `key` inside it. */
const offsetIn = (root: ParsedNode | null, path: PropertyKey[], key?: string): number | undefined => {
  let node: Node | null = root
  for (const step of path) {
    const next: Node | undefined =
      node && 'get' in node ? ((node as { get(key: unknown, keep: true): Node | undefined }).get(step, true) ?? undefined) : undefined
    if (!next) break
    node = next
  }
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((item) => String((item.key as { value?: unknown })?.value ?? item.key) === key)
    const range = (pair?.key as Node | undefined)?.range
    if (range) return range[0]
  }
  return node?.range?.[0]
}
