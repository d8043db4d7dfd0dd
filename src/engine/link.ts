import type { Duplex } from 'node:stream'
import { AppError } from '../lib/errors.ts'
import { encodeFrame, type FromChild, frameDecoder, fromWire, type ToChild } from './protocol.ts'

export type CallOptions = { signal: AbortSignal; onEvent?: ((event: unknown) => void) | undefined }
export type CallResult = { value: unknown; binary: Uint8Array }

type Pending = { resolve(result: CallResult): void; reject(error: unknown): void; onEvent?: ((event: unknown) => void) | undefined }

/** The gateway's end of the protocol, for one life of a child. */
export class Link {
  readonly #socket: Duplex
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #lost: AppError | undefined
  #whenIdle: (() => void)[] = []

  constructor(socket: Duplex, on: { ready(runtime: string): void; pong(status: unknown): void; broken(error: unknown): void }) {
    this.#socket = socket
    const decode = frameDecoder<FromChild>((message, binary) => {
      switch (message.type) {
        case 'ready':
          on.ready(message.runtime)
          return
        case 'pong':
          on.pong(message.status)
          return
        case 'event':
          this.#pending.get(message.id)?.onEvent?.(message.event)
          return
        case 'result':
          // The binary part is a view into a read buffer: copied, because callers keep it and read floats at its start.
          this.#take(message.id)?.resolve({ value: message.value, binary: new Uint8Array(binary) })
          return
        case 'error':
          this.#take(message.id)?.reject(fromWire(message.error))
      }
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        decode(chunk)
      } catch (error) {
        on.broken(error)
      }
    })
    socket.on('error', on.broken)
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** Rejects with the child's error, with `aborted` as soon as the signal fires, or with `engine_unavailable` when the child dies. */
  call(method: string, params: unknown, { signal, onEvent }: CallOptions): Promise<CallResult> {
    if (this.#lost) return Promise.reject(this.#lost)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#take(id)?.reject(new AppError('aborted', 'the request was aborted', { cause: signal.reason }))
        this.send({ type: 'cancel', id })
      }
      const done = <Value>(settle: (value: Value) => void) => {
        return (value: Value) => {
          signal.removeEventListener('abort', abort)
          settle(value)
        }
      }
      this.#pending.set(id, { resolve: done(resolve), reject: done(reject), onEvent })
      signal.addEventListener('abort', abort, { once: true })
      this.send({ type: 'call', id, method, params })
    })
  }

  send(message: ToChild): void {
    if (!this.#lost) this.#socket.write(encodeFrame([message]))
  }

  /** Ends every call in flight with this error; later calls get it too. */
  lose(error: AppError): void {
    if (this.#lost) return
    this.#lost = error
    this.#socket.destroy()
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error)
  }

  /** Resolves when no call is in flight. */
  idle(): Promise<void> {
    return this.#pending.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
    return pending
  }
}
