import type { ChatEvent } from './chat-model.ts'

/** A stream that has begun: its first event, and the reader of what follows. */
export type Begun = { first: IteratorResult<ChatEvent>; rest: AsyncIterator<ChatEvent> }

/** Waits for the first event. Throws what the model throws before it. */
export const begin = async (events: AsyncIterable<ChatEvent>): Promise<Begun> => {
  const rest = events[Symbol.asyncIterator]()
  return { first: await rest.next(), rest }
}

/**
 * A stream whose beginning takes deciding. `open` runs when it is first read; from the second read on the caller has the stream itself,
 * because a wrapper whose work is done should cost nothing per event.
 */
export const untilFirst = (open: () => Promise<Begun>): AsyncIterableIterator<ChatEvent> => {
  let rest: AsyncIterator<ChatEvent> | undefined
  let left = false
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      if (left) return Promise.resolve(end)
      if (rest !== undefined) return rest.next()
      return open().then((begun) => {
        rest = begun.rest
        return begun.first
      })
    },
    async return() {
      left = true
      await rest?.return?.()
      return end
    },
  }
}

const end: IteratorResult<ChatEvent> = { done: true, value: undefined }
