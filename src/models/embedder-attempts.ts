import { AppError } from '../lib/errors.ts'
import type { Embedder } from './embedder.ts'
import { type RetryOptions, retryCall } from './retry.ts'

export type AttemptOptions = RetryOptions & {
  /** Longest one attempt may take. */
  timeoutMs: number
}

/**
 * Bounds each attempt of an embedder and repeats those that fail for reasons that pass. There is no fallback to another model on
 * purpose: its vectors would live in another space, and an index would compare the two without a word.
 */
export const attempts =
  (options: AttemptOptions) =>
  (embedder: Embedder): Embedder => ({
    id: embedder.id,
    dimensions: embedder.dimensions,
    maxTokens: embedder.maxTokens,
    countTokens: embedder.countTokens,
    embed: (request) =>
      retryCall(options, request.signal, () =>
        within(options.timeoutMs, embedder.id, request.signal, (signal) => embedder.embed({ ...request, signal })),
      ),
  })

const within = async <T>(ms: number, id: string, outer: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const timeout = AbortSignal.timeout(ms)
  try {
    return await call(AbortSignal.any([outer, timeout]))
  } catch (error) {
    if (!timeout.aborted || outer.aborted) throw error
    throw new AppError('timeout', `embedder '${id}' did not answer within ${ms} ms`, { cause: error })
  }
}
