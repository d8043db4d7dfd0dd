import { Binary, type Call, hostMethods } from '../../src/engine/host.ts'
import { AppError } from '../../src/lib/errors.ts'

/** A child without a model, for tests of supervision: it counts, waits, fails and hangs when told to. */
let stopped = false

hostMethods(
  {
    echo: async (params: unknown) => params,
    bytes: async ({ length }: { length: number }) =>
      new Binary(
        { length },
        Uint8Array.from({ length }, (_, index) => index % 251),
      ),
    count: async ({ to }: { to: number }, call: Call) => {
      for (let number = 1; number <= to; number++) {
        call.emit(number)
        if (number % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      return to
    },
    /** Emits `started`, then waits; rejects when cancelled. */
    wait: async ({ ms }: { ms: number }, call: Call) => {
      call.emit('started')
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms)
        call.signal.addEventListener('abort', () => {
          clearTimeout(timer)
          reject(call.signal.reason)
        })
      })
      return { stopped }
    },
    refuse: async () => {
      throw new AppError('queue_full', 'too many', { retryAfterMs: 1_234, param: 'input' })
    },
    block: async ({ ms }: { ms: number }) => {
      const until = Date.now() + ms
      while (Date.now() < until);
    },
    exit: async () => process.exit(7),
  },
  () => ({ pid: process.pid }),
  async () => {
    stopped = true
  },
)
