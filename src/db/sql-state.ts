/** The five-character SQLSTATE of a database error, however often it was wrapped; undefined for anything else. */
export const sqlState = (error: unknown): string | undefined => {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code
  }
  return undefined
}

/** Another row already has this key (SQLSTATE 23505). */
export const isUniqueViolation = (error: unknown): boolean => sqlState(error) === '23505'

/** No connection, or a server that is shutting down or full: the same statement may succeed later. */
export const isOutage = (error: unknown): boolean => {
  const state = sqlState(error)
  if (state !== undefined && /^\d/.test(state)) return /^(08|53|57)/.test(state)
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (/^(CONNECT|E(CONN|PIPE|NOTFOUND|TIMEDOUT|HOSTUNREACH))/.test(String((cause as { code?: unknown }).code ?? ''))) return true
  }
  return false
}
