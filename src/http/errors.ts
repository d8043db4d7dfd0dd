import { type AppError, type ErrorCode, toAppError } from '../lib/errors.ts'
import type { Logger } from '../telemetry/log.ts'
import { EndlessBody } from './body.ts'

/** OpenAI's status and type for every way a request can fail; `code` where OpenAI has a name of its own. The only such table. */
const table: Record<ErrorCode, { status: number; type: string; code?: string }> = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  content_filtered: { status: 400, type: 'invalid_request_error', code: 'content_filter' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  permission_denied: { status: 403, type: 'permission_error' },
  not_found: { status: 404, type: 'not_found_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  conflict: { status: 409, type: 'invalid_request_error' },
  payload_too_large: { status: 413, type: 'invalid_request_error' },
  rate_limited: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  insufficient_quota: { status: 429, type: 'insufficient_quota' },
  queue_full: { status: 429, type: 'rate_limit_error' },
  // nginx's number for a client that left; nobody is there to read it, but metrics are.
  aborted: { status: 499, type: 'aborted_error' },
  internal: { status: 500, type: 'server_error' },
  upstream_failed: { status: 502, type: 'upstream_error' },
  upstream_rejected: { status: 502, type: 'upstream_error' },
  engine_unavailable: { status: 503, type: 'unavailable_error' },
  model_unverified: { status: 503, type: 'unavailable_error' },
  unavailable: { status: 503, type: 'unavailable_error' },
  timeout: { status: 504, type: 'timeout_error' },
}

const statusOf = (error: AppError): number => table[error.code].status

/** `{"error": {message, type, param, code}}` as JSON text. */
export const errorBody = (error: AppError): string => {
  const { type, code = error.code } = table[error.code]
  return JSON.stringify({ error: { message: error.message, type, param: error.param ?? null, code } })
}

/** Anything thrown, as a response of OpenAI's shape. */
export const errorResponse = (thrown: unknown, requestId: string): Response => {
  const error = toAppError(thrown)
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-request-id': requestId }
  if (error.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000))
    headers['retry-after-ms'] = String(Math.ceil(error.retryAfterMs))
  }
  if (error instanceof EndlessBody) headers.connection = 'close'
  if (error.code === 'invalid_api_key') headers['www-authenticate'] = 'Bearer'
  return new Response(errorBody(error), { status: statusOf(error), headers })
}

/** Logs what is not the client's doing, with its cause. */
export const logFailure = (log: Logger, thrown: unknown, requestId: string): void => {
  const error = toAppError(thrown)
  if (statusOf(error) < 500) return
  log.error({ request_id: requestId, code: error.code, err: error.cause ?? error }, error.message)
}
