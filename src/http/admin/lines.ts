import { toAppError } from '../../lib/errors.ts'
import type { EdgeContext } from '../context.ts'

/** A response of one JSON object per line, written while `work` goes on; an error is its last line, since the status is sent by then. */
export const lines = (c: EdgeContext, work: (line: (value: object) => void, signal: AbortSignal) => Promise<void>): Response => {
  c.env?.timeout?.(c.req.raw, 0)
  const left = new AbortController()
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const line = (value: object) => {
        if (!left.signal.aborted) controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
      }
      try {
        await work(line, AbortSignal.any([left.signal, c.req.raw.signal]))
      } catch (thrown) {
        const { code, message } = toAppError(thrown)
        line({ type: 'error', code, message })
      }
      if (!left.signal.aborted) controller.close()
    },
    cancel: () => left.abort(),
  })
  return new Response(body, { headers: { 'content-type': 'application/x-ndjson', 'x-request-id': c.get('requestId') } })
}
