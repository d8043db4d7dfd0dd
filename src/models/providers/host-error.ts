import { AppError, type ErrorCode } from '../../lib/errors.ts'

/** What a host says about its own failure, whatever shape it says it in. */
export type HostFault = { message?: string | undefined; type?: string | undefined; code?: string | undefined; param?: string | undefined }

/** A host's refusal, for the log: it may name accounts and keys, so clients are shown it only where it is about their own request. */
export class HostError extends Error {
  readonly status: number
  readonly fault: HostFault

  constructor(host: string, status: number, fault: HostFault) {
    super(`${host} answered ${status}: ${fault.message ?? fault.type ?? 'no reason given'}`)
    this.name = 'HostError'
    this.status = status
    this.fault = fault
  }
}

/**
 * A host's error answer as an AppError. Faults of the caller's request keep the host's words; faults between us and the host
 * (our key, our quota, a model name it does not have) become `upstream_rejected`: another try is useless, another model is not.
 */
export const hostError = (host: string, status: number, fault: HostFault, retryAfterMs?: number): AppError => {
  const code = codeOf(status, fault)
  const cause = new HostError(host, status, fault)
  const message = requestFaults.has(code) && fault.message !== undefined ? fault.message.slice(0, 500) : publicMessages[code](host)
  return new AppError(code, message, { cause, param: requestFaults.has(code) ? fault.param : undefined, retryAfterMs })
}

type HostErrorCode = Extract<
  ErrorCode,
  | 'invalid_request'
  | 'context_length_exceeded'
  | 'content_filtered'
  | 'payload_too_large'
  | 'rate_limited'
  | 'timeout'
  | 'upstream_failed'
  | 'upstream_rejected'
>

const codeOf = (status: number, { message = '', type = '', code = '' }: HostFault): HostErrorCode => {
  if (/insufficient_quota|billing/.test(`${code} ${type}`)) return 'upstream_rejected'
  if (status === 429 || /rate_limit/.test(`${code} ${type}`)) return 'rate_limited'
  if (status === 408) return 'timeout'
  if (status === 413) return 'payload_too_large'
  if (status === 400 || status === 422) {
    if (/context_length|exceed_context/.test(`${code} ${type}`) || tooLong.test(message)) return 'context_length_exceeded'
    if (/content_filter|content_policy/.test(`${code} ${type}`)) return 'content_filtered'
    if (/credit balance|billing/i.test(message)) return 'upstream_rejected'
    return 'invalid_request'
  }
  // 409 is a lock the host lost; 3xx an address that moved: the key is not carried there.
  if (status === 409 || status >= 500 || status < 300) return 'upstream_failed'
  return 'upstream_rejected'
}

const tooLong = /maximum context|context (length|window|size)|prompt is too long|too many (input |prompt )?tokens|exceeds? .*max_model_len/i

const requestFaults = new Set<ErrorCode>(['invalid_request', 'context_length_exceeded', 'content_filtered', 'payload_too_large'])

const publicMessages: Record<HostErrorCode, (host: string) => string> = {
  invalid_request: (host) => `${host} refused the request`,
  context_length_exceeded: () => "the prompt and answer do not fit the model's context",
  content_filtered: (host) => `${host} refused the request for its content`,
  payload_too_large: (host) => `the request is larger than ${host} takes`,
  rate_limited: (host) => `${host} limits how often it may be called`,
  timeout: (host) => `${host} gave up waiting`,
  upstream_failed: (host) => `${host} failed`,
  upstream_rejected: (host) => `${host} does not serve this server's request`,
}

/** The error object inside an answer: `{error: {…}}`, `{error: "…"}`, `{message: …}`, or FastAPI's `{detail: …}`. */
export const faultIn = (body: unknown): HostFault | undefined => {
  if (!isRecord(body)) return undefined
  const fault =
    body.error ?? body.detail ?? (body.object === 'error' ? body : undefined) ?? (body.choices === undefined ? body.message : undefined)
  if (typeof fault === 'string') return { message: fault }
  if (!isRecord(fault)) return fault === undefined || fault === null ? undefined : { message: JSON.stringify(fault) }
  return { message: text(fault.message), type: text(fault.type), code: text(fault.code), param: text(fault.param) }
}

/** The status that an error inside a 200 stream stands for: hosts put a number in `code`, or a word in `type`. */
export const statusIn = ({ code = '', type = '' }: HostFault): number => {
  if (/^[345]\d\d$/.test(code)) return Number(code)
  const words = `${code} ${type}`
  if (/rate_limit|insufficient_quota/.test(words)) return 429
  if (/overloaded/.test(words)) return 529
  if (/invalid_request|context_length|exceed_context|content_filter|content_policy|not_supported/.test(words)) return 400
  if (/authentication|invalid_api_key/.test(words)) return 401
  if (/permission/.test(words)) return 403
  return 500
}

/** Milliseconds that `retry-after-ms` or `retry-after` (seconds or an HTTP date, RFC 9110 §10.2.3) asks for. */
export const retryAfterMsOf = (headers: Headers, nowMs: number): number | undefined => {
  const exact = Number.parseFloat(headers.get('retry-after-ms') ?? '')
  if (exact >= 0) return exact
  const value = headers.get('retry-after')?.trim()
  if (value === undefined || value === '') return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined
