import { AppError } from './errors.ts'

/** Waits; throws `aborted` at once when the signal does. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(new AppError('aborted', 'the request was aborted', { cause: signal.reason }))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })

/** Waits, and stops waiting when the signal aborts: for loops that look at the signal themselves. */
export const rest = (ms: number, signal: AbortSignal): Promise<void> => pause(ms, signal).catch(() => {})
