import { AppError } from '../lib/errors.ts'

/** The JSON value of a request body. Throws `payload_too_large` past `maxBytes` and `invalid_request` when it is not JSON. */
export const readJson = async (request: Request, maxBytes: number): Promise<unknown> => {
  const text = await readText(request, maxBytes)
  if (text === '') throw new AppError('invalid_request', 'the body is empty; it must be a JSON object')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid_request', 'the body is not valid JSON', { cause })
  }
}

const readText = async (request: Request, maxBytes: number): Promise<string> => {
  const declared = request.headers.get('content-length')
  // The server reads no more than was declared, so the number can be trusted (RFC 9112 §6.2).
  if (declared !== null && Number(declared) <= maxBytes) return request.text()
  if (declared !== null) throw tooLarge(maxBytes)
  return readCounted(request.body, maxBytes)
}

/** Chunked bodies say no length: count while reading and stop at the first byte too many. */
const readCounted = async (body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> => {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const tooLarge = (maxBytes: number) => new AppError('payload_too_large', `the body is larger than ${maxBytes} bytes`)
