import { AppError, type ErrorCode, isAbort } from '../lib/errors.ts'
import type { Breaker, CallOutcome } from './breaker.ts'
import { around, type Wrapper } from './wrap.ts'

/**
 * Keeps calls away from a model that keeps failing: they throw `unavailable` at once, with the time left, so that a fallback answers
 * without waiting for another timeout. A request that was aborted says nothing about the model.
 */
export const circuitBreaker =
  (breaker: Breaker): Wrapper =>
  (model) =>
    around(model, async function* (request) {
      const settle = breaker.enter()
      if (settle === undefined) {
        throw new AppError('unavailable', `model '${model.id}' is resting after repeated failures`, { retryAfterMs: breaker.restMs() })
      }
      let outcome: CallOutcome = 'nothing'
      try {
        yield* model.stream(request)
        outcome = 'ok'
      } catch (error) {
        outcome = request.signal.aborted || isAbort(error) ? 'nothing' : outcomeOf(error)
        throw error
      } finally {
        settle(outcome)
      }
    })

/** A refusal of this one request shows a host that works; a host that is merely busy is neither well nor ill. */
const outcomeOf = (error: unknown): CallOutcome => {
  if (!(error instanceof AppError)) return 'failed'
  if (busy.has(error.code)) return 'nothing'
  return fine.has(error.code) ? 'ok' : 'failed'
}

const busy = new Set<ErrorCode>(['rate_limited', 'queue_full', 'aborted'])
const fine = new Set<ErrorCode>([
  'invalid_request',
  'unsupported_parameter',
  'context_length_exceeded',
  'payload_too_large',
  'content_filtered',
])
