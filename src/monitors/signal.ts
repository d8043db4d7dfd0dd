import type { SQL } from 'drizzle-orm'
import type { TracePayload } from '../traces/trace.ts'

/** What a change of it speaks of: what users ask, how answers are, or what they take. */
export const tags = ['data', 'quality', 'performance'] as const
export type Tag = (typeof tags)[number]

/** `rate`: a categorical signal of `yes` and `no`. */
export type SignalKind = 'numeric' | 'categorical' | 'rate' | 'vector'

/** Something about requests that monitors follow. */
export type Signal = {
  name: string
  kind: SignalKind
  tag: Tag
  /** Name of the detector that compares a window with the reference. */
  detector: string
  /** Smallest effect that counts, where the detector's own is too small for it. */
  effectFloor?: number | undefined
  /** Shown on a logarithmic scale: times and costs differ by factors. */
  log?: true | undefined
  /** The other way is an improvement, and nobody is woken by it. Absent: any change counts. */
  worse?: 'higher' | 'lower' | undefined
  read: Reading
}

export type Reading =
  /** Of every trace, by an expression over `traces t`; null does not count. */
  | { from: 'trace'; value: SQL }
  /** Of sampled traces with their payload. */
  | { from: 'sample'; value: (trace: SampledTrace) => number | string | boolean | null }
  | { from: 'embedding' }
  /** Of feedback by the time it arrived, by a query that is given the window. */
  | { from: 'feedback'; metric: string; labels?: readonly string[] | undefined }
  /** Of the scores that live answers were given, by when they were. */
  | { from: 'score'; scorer: string }

export type SampledTrace = {
  endpoint: string
  status: string
  promptTokens: number | null
  completionTokens: number | null
  costUsd: number | null
  cache: string | null
  latencyMs: number
  firstTokenMs: number | null
  payload: TracePayload | null
}
