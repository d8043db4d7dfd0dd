import { createParser } from 'eventsource-parser'
import { AppError } from './errors.ts'

/** One dispatched server-sent event. `event` is absent for the default type. */
export type SseEvent = { event?: string | undefined; data: string }

/** Longest event taken, in characters: far above any real delta, far below what would hurt the process. */
const maxEventChars = 8 * 1024 * 1024

/**
 * Reads server-sent events out of bytes as they arrive, however the network cut them: split UTF-8, CRLF, CR, comments, BOM and
 * many-line data included. Throws `upstream_failed` when one event outgrows the bound. WHATWG HTML §9.2.
 */
export const createSseReader = (maxChars: number = maxEventChars) => {
  const decoder = new TextDecoder()
  let events: SseEvent[] = []
  const parser = createParser({
    maxBufferSize: maxChars,
    onEvent: (event) => {
      events.push(event)
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') {
        throw new AppError('upstream_failed', 'the model host sent an event too large to read', { cause: error })
      }
    },
  })
  const take = (): SseEvent[] => {
    const taken = events
    events = []
    return taken
  }
  return {
    /** Events completed by these bytes. */
    read(bytes: Uint8Array): SseEvent[] {
      parser.feed(decoder.decode(bytes, { stream: true }))
      return take()
    },
    /** The event left without its blank line, which hosts that close in a hurry forget. What is left of a cut event comes out too. */
    end(): SseEvent[] {
      parser.feed(`${decoder.decode()}\n\n`)
      return take()
    },
  }
}
