/**
 * The one error the rooms throw at each other. `code` is the contract, `message` is safe to print to a client, `cause` is for the log.
 * The table from code to HTTP status lives in `http/errors.ts`: nothing below http knows HTTP.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  /** The request parameter at fault, in the client's spelling, such as `messages[0].content`. */
  readonly param: string | undefined
  /** How long the caller should wait before it tries again. */
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.param = options.param
    this.retryAfterMs = options.retryAfterMs
  }
}

export type AppErrorOptions = {
  cause?: unknown
  param?: string | undefined
  retryAfterMs?: number | undefined
}

/** Every way a request or command can fail. `true`: another attempt, or another model, may succeed. */
export const retryable = {
  invalid_request: false,
  unsupported_parameter: false,
  context_length_exceeded: false,
  invalid_api_key: false,
  permission_denied: false,
  not_found: false,
  model_not_found: false,
  conflict: false,
  payload_too_large: false,
  content_filtered: false,
  rate_limited: true,
  insufficient_quota: false,
  queue_full: true,
  timeout: true,
  upstream_failed: true,
  upstream_rejected: false,
  engine_unavailable: true,
  model_unverified: true,
  unavailable: true,
  aborted: false,
  internal: false,
} as const

export type ErrorCode = keyof typeof retryable

export const isRetryable = (error: unknown): boolean => error instanceof AppError && retryable[error.code]

/** Anything thrown, as an AppError: strangers become `internal` with a message that says nothing about our insides. */
export const toAppError = (error: unknown): AppError =>
  error instanceof AppError ? error : new AppError('internal', 'something went wrong inside the server', { cause: error })

/** True for the errors that an aborted signal produces, whoever threw them. */
export const isAbort = (error: unknown): boolean =>
  (error instanceof AppError && error.code === 'aborted') || (error instanceof DOMException && error.name === 'AbortError')
