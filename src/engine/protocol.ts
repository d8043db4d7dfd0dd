import { AppError, type ErrorCode, retryable, toAppError } from '../lib/errors.ts'

/**
 * What the gateway and an engine child say to each other, over one duplex socket on the child's file descriptor 3.
 *
 * A frame is two big-endian u32 lengths, then that many bytes of JSON and of binary. The JSON is an array of messages, so that all
 * events of one turn of the child's loop travel in one write; the binary part belongs to the last of them.
 */
export type ToChild =
  | { type: 'call'; id: number; method: string; params: unknown }
  | { type: 'cancel'; id: number }
  | { type: 'ping' }
  | { type: 'stop' }

export type FromChild =
  | { type: 'ready'; runtime: string }
  | { type: 'pong'; status: unknown }
  | { type: 'event'; id: number; event: unknown }
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; error: WireError }

export type WireError = { code: ErrorCode; message: string; param?: string | undefined; retryAfterMs?: number | undefined; cause?: string }

const headerBytes = 8
const maxFrameBytes = 1 << 30

export const encodeFrame = (messages: (ToChild | FromChild)[], binary?: Uint8Array): Buffer => {
  const json = Buffer.from(JSON.stringify(messages))
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeUInt32BE(json.length, 0)
  header.writeUInt32BE(binary?.length ?? 0, 4)
  return Buffer.concat(binary === undefined ? [header, json] : [header, json, binary])
}

/** Calls `onMessage` for each message as soon as its frame is complete, however the bytes were cut. Throws on a frame no peer of ours writes. */
export const frameDecoder = <Message>(onMessage: (message: Message, binary: Uint8Array) => void): ((chunk: Buffer) => void) => {
  let chunks: Buffer[] = []
  let held = 0
  let wanted = headerBytes
  return (chunk) => {
    chunks.push(chunk)
    held += chunk.length
    if (held < wanted) return
    let bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks)
    for (;;) {
      wanted = frameLength(bytes)
      if (bytes.length < wanted) break
      const jsonEnd = headerBytes + bytes.readUInt32BE(0)
      const messages: Message[] = JSON.parse(bytes.toString('utf8', headerBytes, jsonEnd))
      const binary = bytes.subarray(jsonEnd, wanted)
      bytes = bytes.subarray(wanted)
      messages.forEach((message, index) => {
        onMessage(message, index === messages.length - 1 ? binary : empty)
      })
    }
    chunks = [bytes]
    held = bytes.length
  }
}

const frameLength = (bytes: Buffer): number => {
  if (bytes.length < headerBytes) return headerBytes
  const length = headerBytes + bytes.readUInt32BE(0) + bytes.readUInt32BE(4)
  if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes: the peer is not speaking this protocol`)
  return length
}

const empty = new Uint8Array(0)

export const toWire = (thrown: unknown): WireError => {
  const { code, message, param, retryAfterMs, cause } = toAppError(thrown)
  return { code, message, param, retryAfterMs, ...(cause instanceof Error ? { cause: cause.stack ?? cause.message } : {}) }
}

export const fromWire = ({ code, message, param, retryAfterMs, cause }: WireError): AppError =>
  new AppError(code in retryable ? code : 'internal', message, { param, retryAfterMs, cause })
