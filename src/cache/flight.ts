import { AppError } from '../lib/errors.ts'
import type { ChatEvent, ChatModel, ChatRequest, Observation } from '../models/chat-model.ts'

/** One call of a model whose answer many requests read. */
export type Flight = {
  /**
   * The whole answer from its first event, at the reader's own pace. A reader that leaves disturbs nobody. The first one is the leader,
   * whose trace has the call and its cost; when it leaves, the next one takes over.
   */
  read(request: ChatRequest): AsyncGenerator<ChatEvent, void, undefined>
  /** Resolves with the call, however it ends. */
  ended: Promise<Landing>
}

export type Landing = { events: readonly ChatEvent[]; observations: readonly Observation[]; error: unknown }

/** Calls the model at once. The call stops when its last reader leaves, unless it is `unattended`. */
export const startFlight = (
  model: ChatModel,
  request: ChatRequest,
  options: { unattended?: boolean; landed: (landing: Landing) => void },
): Flight => {
  const events: ChatEvent[] = []
  const observations: Observation[] = []
  const readers = new Set<ChatRequest>()
  const controller = new AbortController()
  let landing: Landing | undefined
  let news = Promise.withResolvers<void>()

  const announce = () => {
    news.resolve()
    news = Promise.withResolvers()
  }

  const observe = (observation: Observation) => {
    observations.push(observation)
    const [leader, ...followers] = readers
    leader?.observe?.(observation)
    if (observation.type === 'served-by') for (const follower of followers) follower.observe?.(observation)
  }

  const fly = async (): Promise<Landing> => {
    let error: unknown
    try {
      for await (const event of model.stream({ ...request, signal: controller.signal, observe })) {
        events.push(event)
        announce()
      }
      controller.signal.throwIfAborted()
    } catch (thrown) {
      error = thrown
    }
    landing = { events, observations, error }
    options.landed(landing)
    announce()
    return landing
  }

  const board = (reader: ChatRequest) => {
    readers.add(reader)
    if (readers.size === 1) lead(reader)
    else {
      reader.observe?.({ type: 'cache', status: 'hit', ageS: 0 })
      for (const observation of observations) if (observation.type === 'served-by') reader.observe?.(observation)
    }
  }
  const lead = (reader: ChatRequest) => {
    reader.observe?.({ type: 'cache', status: 'miss' })
    for (const observation of observations) reader.observe?.(observation)
  }
  const leave = (reader: ChatRequest) => {
    const [leader] = readers
    readers.delete(reader)
    const [next] = readers
    if (landing !== undefined) return
    if (reader === leader && next !== undefined) lead(next)
    if (next === undefined && !options.unattended) controller.abort()
  }

  const flight: Flight = {
    async *read(reader) {
      board(reader)
      try {
        for (let position = 0; ; ) {
          const event = events[position]
          if (event !== undefined) {
            position += 1
            yield event
          } else if (landing !== undefined) {
            if (landing.error !== undefined) throw landing.error
            return
          } else await orAborted(news.promise, reader.signal)
        }
      } finally {
        leave(reader)
      }
    },
    ended: Promise.resolve().then(fly),
  }
  return flight
}

const orAborted = (promise: Promise<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => reject(new AppError('aborted', 'the request was aborted', { cause: signal.reason }))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    void promise.then(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
  })
