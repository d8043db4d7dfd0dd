import { AppError } from '../lib/errors.ts'
import { around, type Wrapper } from './wrap.ts'

export type LimitOptions = {
  /** Requests at the model at the same time. */
  concurrency: number
  /** Requests that may wait; more get `queue_full`. */
  maxQueue: number
}

/** Lets so many requests through at a time and queues the rest, first come first served. A caller that leaves gives up its place. */
export const limit =
  (options: LimitOptions): Wrapper =>
  (model) => {
    const slots = createSlots(options)
    return around(model, async function* (request) {
      const release = await slots.take(model.id, request.signal, (ms) => request.observe?.({ type: 'queued', ms }))
      try {
        yield* model.stream(request)
      } finally {
        release()
      }
    })
  }

const createSlots = ({ concurrency, maxQueue }: LimitOptions) => {
  let running = 0
  const queue = new Set<() => void>()
  /** Hands the slot to the first in the queue rather than freeing it, so that a newcomer cannot slip in between. */
  const release = () => {
    const [next] = queue
    if (next === undefined) running -= 1
    else next()
  }
  return {
    /** Waits for a slot and returns what gives it back. Throws `queue_full` or `aborted`. */
    async take(modelId: string, signal: AbortSignal, queuedFor: (ms: number) => void): Promise<() => void> {
      if (running < concurrency) running += 1
      else {
        if (queue.size >= maxQueue) {
          throw new AppError('queue_full', `model '${modelId}' has ${queue.size} requests waiting`, { retryAfterMs: 1000 })
        }
        const sinceMs = performance.now()
        await turn(queue, signal)
        queuedFor(performance.now() - sinceMs)
      }
      return release
    },
  }
}

const turn = (queue: Set<() => void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const leave = () => {
      queue.delete(enter)
      reject(new AppError('aborted', 'the request was aborted while it waited', { cause: signal.reason }))
    }
    const enter = () => {
      queue.delete(enter)
      signal.removeEventListener('abort', leave)
      resolve()
    }
    if (signal.aborted) return leave()
    queue.add(enter)
    signal.addEventListener('abort', leave, { once: true })
  })
