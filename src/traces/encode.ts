import { storableJson } from '../lib/storable-json.ts'
import type { Trace, TracePayload } from './trace.ts'

/** What is stored of requests and answers: all, the shape with every text masked, or nothing. */
export type PayloadPolicy = 'keep' | 'redact' | 'off'

/** A trace as the JSON that the spool keeps and Postgres reads. */
export const encodeTrace = (trace: Trace, policy: PayloadPolicy): string =>
  storableJson(JSON.stringify({ ...trace, payload: stored(trace.payload, policy) }))

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
