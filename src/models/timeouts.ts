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
          const step = await watch.orExpired(events.next())
          if (step.done === true) {
            ended = true
            return
          }
          watch.heard()
          yield step.value
        }
      } catch (error) {
        // The model is told by its signal and not waited for: one that ignores it would hold the caller here.
        ended = true
        throw watch.expired() ?? error
      } finally {
        watch.close(ended)
        if (!ended) await events.return?.()
      }
    })

const watchOver = (modelId: string, { connectMs, firstTokenMs, idleMs, totalMs }: Timeouts, request: ChatRequest) => {
  const controller = new AbortController()
  let expired: AppError | undefined
  let wake: ((error: AppError) => void) | undefined

  const stop = (error: AppError) => {
    controller.abort(error)
    wake?.(error)
  }
  const leave = () => stop(new AppError('aborted', 'the request was aborted', { cause: request.signal.reason }))
  const expire = (what: string, ms: number) => {
    expired ??= new AppError('timeout', `model '${modelId}' ${what} within ${ms} ms`)
    stop(expired)
  }
  const timer = (what: string, ms: number | undefined) => (ms === undefined ? undefined : setTimeout(expire, ms, what, ms))
  const alarm = (what: string, ms: number | undefined) =>
    ms === undefined || !request.incremental ? undefined : createAlarm(ms, () => expire(what, ms))

  if (request.signal.aborted) leave()
  else request.signal.addEventListener('abort', leave, { once: true })
  const total = timer('did not finish its answer', totalMs)
  let connect: ReturnType<typeof timer>
  let silence = alarm('sent no first token', firstTokenMs)
  let started = false

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
    orExpired: (next: Promise<IteratorResult<ChatEvent>>) =>
      new Promise<IteratorResult<ChatEvent>>((resolve, reject) => {
        wake = reject
        silence?.waiting(true)
        next.then(resolve, reject)
      }),
    heard() {
      silence?.waiting(false)
      if (started) return
      started = true
      silence?.stop()
      silence = alarm('sent nothing more', idleMs)
    },
    close(ended: boolean) {
      clearTimeout(total)
      clearTimeout(connect)
      silence?.stop()
      request.signal.removeEventListener('abort', leave)
      if (!ended) controller.abort(new AppError('aborted', 'the answer is no longer read'))
    },
  }
}

/** Rings when one wait lasts too long. Its timer is moved only when it fires: one timer per token would cost more than the token. */
const createAlarm = (ms: number, ring: () => void) => {
  let sinceMs: number | undefined
  const check = () => {
    const leftMs = sinceMs === undefined ? ms : sinceMs + ms - performance.now()
    if (leftMs > 0) timer = setTimeout(check, leftMs)
    else ring()
  }
  let timer = setTimeout(check, ms)
  return {
    waiting(now: boolean) {
      sinceMs = now ? performance.now() : undefined
    },
    stop: () => clearTimeout(timer),
  }
}
