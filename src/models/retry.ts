import { AppError, isRetryable } from '../lib/errors.ts'
import { pause } from '../lib/pause.ts'
import { begin, untilFirst } from './first-event.ts'
import { around, type Wrapper } from './wrap.ts'

export type RetryOptions = {
  /** Tries in all; 1 means no retry. */
  attempts: number
  /** Upper end of the first wait; it doubles with every attempt. */
  baseMs: number
  /** Longest wait. A host that asks for more is not waited for: the caller learns its delay instead. */
  maxMs: number
  /** In [0, 1). */
  random?: (() => number) | undefined
}

/**
 * Tries a model again while it fails for reasons that pass, and only until the first event: after that the caller has seen text.
 * Exponential backoff with full jitter (Brooker, AWS Architecture Blog 2015); a host's Retry-After is waited out in full.
 */
export const retry =
  (options: RetryOptions): Wrapper =>
  (model) =>
    around(model, (request) =>
      untilFirst(async () => {
        for (let attempt = 1; ; attempt += 1) {
          request.observe?.({ type: 'attempt', modelId: model.id, attempt })
          try {
            return await begin(model.stream(request))
          } catch (error) {
            const waitMs = request.signal.aborted ? undefined : retryWaitMs(attempt, error, options)
            if (waitMs === undefined) throw error
            await pause(waitMs, request.signal)
          }
        }
      }),
    )

/** The same for a call that answers at once. */
export const retryCall = async <T>(options: RetryOptions, signal: AbortSignal, call: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      const waitMs = signal.aborted ? undefined : retryWaitMs(attempt, error, options)
      if (waitMs === undefined) throw error
      await pause(waitMs, signal)
    }
  }
}

/** Milliseconds to wait before the next attempt; `undefined` to give up. */
export const retryWaitMs = (attempt: number, error: unknown, { attempts, baseMs, maxMs, random = Math.random }: RetryOptions) => {
  if (attempt >= attempts || !isRetryable(error)) return undefined
  const asked = error instanceof AppError ? error.retryAfterMs : undefined
  if (asked !== undefined && asked > maxMs) return undefined
  const jitterMs = random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1))
  return Math.max(asked ?? 0, jitterMs)
}
