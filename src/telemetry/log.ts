import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/**
 * JSON lines. Payloads are never given to it; as a second line of defence, fields named like secrets are cut out and anything that looks
 * like a key inside a message is masked.
 */
export const createLogger = (level: string, destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[redacted]' },
      serializers: { err: describe },
    },
    destination ?? pino.destination(1),
  )

const secretPaths = ['authorization', 'x-api-key', 'api-key', 'apiKey', 'api_key', 'secret', 'password', 'token', 'cookie'].flatMap(
  (name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`],
)

type Described = { type: string; message: string; stack?: string | undefined; code?: string | undefined; cause?: Described | undefined }

/** An error and its causes by name, message and stack alone: SDK errors drag requests, and with them keys, along as properties. */
const describe = (error: unknown, depth = 0): Described => {
  if (!(error instanceof Error)) return { type: typeof error, message: mask(String(error)) }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: mask(error.message),
    stack: error.stack === undefined ? undefined : mask(error.stack),
    code: typeof code === 'string' ? code : undefined,
    cause: error.cause === undefined || depth >= 4 ? undefined : describe(error.cause, depth + 1),
  }
}

/** Bearer tokens, keys in the style of `sk-…` and `weir_…`, and passwords in connection strings. */
export const mask = (text: string): string =>
  text
    .replace(/\b(bearer)\s+\S+/gi, '$1 [redacted]')
    .replace(/\b(sk|pk|key|weir)([-_])[A-Za-z0-9_-]{12,}/g, '$1$2[redacted]')
    .replace(/(:\/\/[^:@/\s]+:)[^@\s]+@/g, '$1[redacted]@')
