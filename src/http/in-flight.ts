import { AppError } from '../lib/errors.ts'
import type { EdgeContext } from './context.ts'

/** One piece of work for a client. `signal` aborts when the client leaves or a shutdown runs out of patience. */
export type Work = { signal: AbortSignal; abort: () => void; done: () => void }

/** The requests being answered, so that a shutdown can wait for them. */
export type InFlight = {
  begin: (client: AbortSignal) => Work
  readonly size: number
  /** True once `drain` was called: the server wants no new work. */
  readonly draining: boolean
  /** Waits for all work to end; what has not ended after `graceMs` is aborted with `unavailable`. */
  drain: (graceMs: number) => Promise<void>
}

export const createInFlight = (): InFlight => {
  const running = new Set<AbortController>()
  let draining = false
  let idle: (() => void) | undefined

  const begin = (client: AbortSignal): Work => {
    const controller = new AbortController()
    const abort = () => controller.abort(new AppError('aborted', 'the client went away'))
    if (client.aborted) abort()
    else client.addEventListener('abort', abort, { once: true })
    running.add(controller)
    const done = () => {
      client.removeEventListener('abort', abort)
      running.delete(controller)
      if (running.size === 0) idle?.()
    }
    return { signal: controller.signal, abort, done }
  }

  const drain = async (graceMs: number): Promise<void> => {
    draining = true
    const empty = new Promise<void>((resolve) => {
      idle = resolve
      if (running.size === 0) resolve()
    })
    const patience = setTimeout(() => {
      for (const controller of running) controller.abort(new AppError('unavailable', 'the server is shutting down'))
    }, graceMs)
    await empty
    clearTimeout(patience)
  }

  return {
    begin,
    drain,
    get size() {
      return running.size
    },
    get draining() {
      return draining
    },
  }
}

/** Begins the work of a request whose body has been read: from here on it may take as long as its model does. */
export const beginWork = (inFlight: InFlight, c: EdgeContext): Work => {
  c.env?.timeout?.(c.req.raw, 0)
  return inFlight.begin(c.req.raw.signal)
}
