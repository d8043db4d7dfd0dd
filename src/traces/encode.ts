import type { Trace, TracePayload } from './trace.ts'

/** What is stored of requests and answers: all, the shape with every text masked, or nothing. */
export type PayloadPolicy = 'keep' | 'redact' | 'off'

/** A trace as the JSON that the spool keeps and Postgres reads. */
export const encodeTrace = (trace: Trace, policy: PayloadPolicy): string =>
  storable(JSON.stringify({ ...trace, payload: stored(trace.payload, policy) }))

const stored = (payload: TracePayload | null, policy: PayloadPolicy): TracePayload | null => {
  if (payload === null || policy === 'off') return null
  return policy === 'keep' ? payload : (masked(payload) as TracePayload)
}

/** The names of a conversation's parts say nothing about people, and keep a masked one readable. */
const structural = new Set(['role', 'type', 'finish_reason', 'finishReason'])

const masked = (value: unknown, key = ''): unknown => {
  if (typeof value === 'string') return structural.has(key) ? value : `[${value.length} characters]`
  if (Array.isArray(value)) return value.map((item) => masked(item))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, name)]))
}

/** Postgres' text holds neither NUL nor half a surrogate pair, which JSON escapes; both become U+FFFD as a decoder would make them. */
const storable = (json: string): string =>
  json.includes('\\u') ? json.replaceAll(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (whole, body) => (body.length > 1 ? '\\ufffd' : whole)) : json
