import { AppError, isAbort, toAppError } from '../lib/errors.ts'
import type { Trace } from '../traces/trace.ts'

/** Writes into the trace how a request failed, and returns what to throw. Aborted is not failed. */
export const noteFailure = (trace: Trace, error: unknown, signal: AbortSignal): AppError => {
  const failure = failureOf(error, signal)
  trace.status = failure.code === 'aborted' ? 'aborted' : 'error'
  trace.errorCode = failure.code
  return failure
}

/** Whoever aborted may have said why, such as a shutdown; otherwise the caller went away. */
const failureOf = (error: unknown, signal: AbortSignal): AppError => {
  if (signal.aborted && signal.reason instanceof AppError) return signal.reason
  if (signal.aborted || isAbort(error)) return new AppError('aborted', 'the request was aborted', { cause: error })
  return toAppError(error)
}
