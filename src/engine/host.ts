import { connect, Socket } from 'node:net'
import { AppError } from '../lib/errors.ts'
import { encodeFrame, type FromChild, frameDecoder, type ToChild, toWire } from './protocol.ts'

/** One method of a child. Returns a JSON value, or `Binary` for numbers in bulk. */
export type Method = (params: never, call: Call) => Promise<unknown>
export type Call = { signal: AbortSignal; emit(event: unknown): void }

/** A result whose `bytes` travel outside the JSON. */
export class Binary {
  readonly value: unknown
  readonly bytes: Uint8Array
  constructor(value: unknown, bytes: Uint8Array) {
    this.value = value
    this.bytes = bytes
  }
}

/**
 * The child's end of the protocol. Runs on Node and Bun alike: nothing it imports may use a `Bun` global.
 * Ends the process when the socket closes, because a child must not outlive its gateway.
 */
export const hostMethods = (methods: Record<string, Method>, status: () => unknown, stop: () => Promise<void>): void => {
  // Bun opens an inherited descriptor through `connect` only, Node through the constructor only.
  const socket = process.versions.bun ? connect({ fd: 3 } as never) : new Socket({ fd: 3 })
  const running = new Map<number, AbortController>()
  let outbox: FromChild[] = []

  const flush = () => {
    if (outbox.length === 0) return
    socket.write(encodeFrame(outbox))
    outbox = []
  }
  const send = (message: FromChild, binary?: Uint8Array) => {
    if (outbox.length === 0) setImmediate(flush)
    outbox.push(message)
    if (binary === undefined) return
    socket.write(encodeFrame(outbox, binary))
    outbox = []
  }

  const call = async (id: number, method: string, params: unknown) => {
    const controller = new AbortController()
    running.set(id, controller)
    try {
      const run = methods[method]
      if (!run) throw new AppError('internal', `the engine has no method ${method}`)
      const emit = (event: unknown) => {
        if (!controller.signal.aborted) send({ type: 'event', id, event })
      }
      const result = await run(params as never, { signal: controller.signal, emit })
      if (result instanceof Binary) send({ type: 'result', id, value: result.value }, result.bytes)
      else send({ type: 'result', id, value: result ?? null })
    } catch (error) {
      send({ type: 'error', id, error: toWire(error) })
    } finally {
      running.delete(id)
    }
  }

  const receive = (message: ToChild) => {
    switch (message.type) {
      case 'call':
        void call(message.id, message.method, message.params)
        return
      case 'cancel':
        running.get(message.id)?.abort(new AppError('aborted', 'the caller went away'))
        return
      case 'ping':
        send({ type: 'pong', status: status() })
        return
      case 'stop':
        void stop().finally(() => process.exit(0))
    }
  }

  socket.on('data', frameDecoder<ToChild>(receive))
  socket.on('error', () => process.exit(0))
  socket.on('end', () => process.exit(0))
  socket.on('close', () => process.exit(0))
  // Ctrl-C reaches the whole process group; the gateway decides when its streams have ended.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  send({ type: 'ready', runtime: process.versions.bun ? `bun ${process.versions.bun}` : `node ${process.versions.node}` })
}
