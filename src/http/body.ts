import { AppError } from '../lib/errors.ts'

/**
 * The JSON value of a request body. Throws `payload_too_large` past `maxBytes`, and `invalid_request` when it is not JSON, is nested so
 * deeply that those who walk through it later would run out of stack, or has so many values that to check them would keep everybody waiting.
 */
export const readJson = async (request: Request, maxBytes: number): Promise<unknown> => {
  const text = await readText(request, maxBytes)
  if (text === '') throw new AppError('invalid_request', 'the body is empty; it must be a JSON object')
  refuseBomb(text, Math.max(usualValues, Math.floor(maxBytes / bytesPerValue)))
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid_request', 'the body is not valid JSON', { cause })
  }
}

/** Schemas have a lower bound of their own, which names the parameter. */
const maxDepth = 2000

/** Far above what a request to a model needs: the largest batch of texts has a few thousand. Larger bodies, such as suites, may have more. */
const usualValues = 100_000
const bytesPerValue = 40

const refuseBomb = (text: string, maxValues: number): void => {
  if (text.length < 2 * maxDepth) return
  let depth = 0
  let values = 1
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case quote:
        for (index += 1; index < text.length && text.charCodeAt(index) !== quote; index += 1) {
          if (text.charCodeAt(index) === backslash) index += 1
        }
        break
      case openBracket:
      case openBrace:
        depth += 1
        if (depth > maxDepth) throw new AppError('invalid_request', `the body is nested more than ${maxDepth} levels deep`)
        break
      case closeBracket:
      case closeBrace:
        depth -= 1
        break
      case comma:
        values += 1
        if (values > maxValues) throw new AppError('invalid_request', `the body has more than ${maxValues} values`)
    }
  }
}
const [quote, backslash, comma, openBracket, closeBracket, openBrace, closeBrace] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d]

const readText = async (request: Request, maxBytes: number): Promise<string> => {
  const declared = request.headers.get('content-length')
  if (declared !== null && !/^\d+$/.test(declared)) throw new AppError('invalid_request', 'Content-Length must be one whole number')
  // The server reads no more than was declared, so the number can be trusted (RFC 9112 §6.2).
  if (declared !== null && Number(declared) <= maxBytes) return request.text()
  if (declared !== null)
    throw Number(declared) <= swallowedBytes ? new AppError('payload_too_large', tooLarge(maxBytes)) : new EndlessBody(maxBytes)
  return readCounted(request.body, maxBytes)
}

/** Chunked bodies say no length: count while reading and stop at the first byte too many. */
const readCounted = async (body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> => {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new EndlessBody(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * A body whose rest nobody wants to wait for: the connection has to be closed. Clients that are still writing then may miss the answer, so bodies
 * that are only somewhat too large are swallowed instead.
 */
export class EndlessBody extends AppError {
  constructor(maxBytes: number) {
    super('payload_too_large', tooLarge(maxBytes))
  }
}

const swallowedBytes = 64 * 1024 * 1024

const tooLarge = (maxBytes: number) => `the body is larger than ${maxBytes} bytes`
