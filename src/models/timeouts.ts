import { AppError } from '../lib/errors.ts'
import type { ChatEvent, ChatRequest } from './chat-model.ts'
import { around, type Wrapper } from './wrap.ts'

/** Milliseconds; an absent limit is no limit. */
export type Timeouts = {
  /** Until the host accepts the connection. */
  connectMs?: number | undefined
  /** Until the first event of an incremental answer. A whole answer arrives at once at its end: only `totalMs` bounds it. */
  firstTokenMs?: number | undefined
  /** Between two events of an incremental answer, not counting the time the caller takes with one. */
  idleMs?: number | undefined
  /** From the call to its end. */
  totalMs?: number | undefined
}

/**
 * Aborts a model that takes too long and throws `timeout` naming the limit. Holds even over a model that ignores its signal.
 * Put `totalMs` outside retry and fallback to bound the request, the others inside to bound one attempt.
 */
export const timeouts =
  (limits: Timeouts): Wrapper =>
  (model) =>
    around(model, async function* (request) {
      const watch = watchOver(model.id, limits, request)
      const events = model.stream(watch.request)[Symbol.asyncIterator]()
      let ended = false
      try {
        while (true) {
          const step = await watch.orTimeout(events.next())
          if (step.done === true) {
            ended = true
            return
          }
          yield step.value
        }
      } catch (error) {
        ended = true
        throw watch.expired() ?? error
      } finally {
        watch.close(ended)
        // Not awaited when the watch ended it: a model that ignores its signal would hold the caller here.
        if (!ended) await events.return?.()
      }
    })

const watchOver = (modelId: string, { connectMs, firstTokenMs, idleMs, totalMs }: Timeouts, request: ChatRequest) => {
  const controller = new AbortController()
  let expired: AppError | undefined
  let wake: ((error: AppError) => void) | undefined
  let started = false

  const stop = (error: AppError) => {
    controller.abort(error)
    wake?.(error)
  }
  const passOn = () => stop(new AppError('aborted', 'the request was aborted', { cause: request.signal.reason }))
  const expire = (what: string, ms: number) => {
    expired ??= new AppError('timeout', `model '${modelId}' ${what} within ${ms} ms`)
    stop(expired)
  }
  const timer = (what: string, ms: number | undefined) => (ms === undefined ? undefined : setTimeout(expire, ms, what, ms))

  if (request.signal.aborted) passOn()
  else request.signal.addEventListener('abort', passOn, { once: true })
  const total = timer('did not finish its answer', totalMs)
  let connect: Timer | undefined

  return {
    request: {
      ...request,
      signal: controller.signal,
      observe: (observation) => {
        clearTimeout(connect)
        if (observation.type === 'connecting') connect = timer('was not connected', connectMs)
        request.observe?.(observation)
      },
    } satisfies ChatRequest,
    expired: () => expired,
    async orTimeout(next: Promise<IteratorResult<ChatEvent>>): Promise<IteratorResult<ChatEvent>> {
      const waiting = !request.incremental
        ? undefined
        : started
          ? timer('sent nothing more', idleMs)
          : timer('sent no first token', firstTokenMs)
      try {
        return await new Promise((resolve, reject) => {
          wake = reject
          next.then(resolve, reject)
        })
      } finally {
        started = true
        clearTimeout(waiting)
      }
    },
    close(ended: boolean) {
      clearTimeout(total)
      clearTimeout(connect)
      request.signal.removeEventListener('abort', passOn)
      if (!ended) controller.abort(new AppError('aborted', 'the answer is no longer read'))
    },
  }
}

type Timer = ReturnType<typeof setTimeout>
