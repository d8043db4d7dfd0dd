import type { Hono } from 'hono'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { Env } from './context.ts'
import { errorResponse } from './errors.ts'
import type { InFlight } from './in-flight.ts'

export type ServeOptions = {
  app: Hono<Env>
  inFlight: InFlight
  hostname: string /** 0 picks a free one. */
  port: number
  graceMs: number
  /** Seconds that a sender may take for a body; those who dawdle over their headers the runtime cuts off after about ten. */
  idleSeconds?: number | undefined
}

export type Serving = {
  url: string
  port: number
  /** Accepts nothing new, lets streams end for `graceMs`, tells the rest that the server is going, and returns when all are gone. */
  close: () => Promise<void>
}

/** Listens. Slow senders are cut off after `idleSeconds`; answers may take as long as their models do. */
export const serve = ({ app, inFlight, hostname, port, graceMs, idleSeconds = 60 }: ServeOptions): Serving => {
  const server = Bun.serve({
    hostname,
    port,
    idleTimeout: idleSeconds,
    // `readJson` enforces the configured limit, and answers with a proper error.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, self) => (hasOneHost(request.headers) ? app.fetch(request, self) : refuseHost()),
  })
  const close = async (): Promise<void> => {
    const stopped = server.stop()
    await inFlight.drain(graceMs)
    // The last frames are on their way; keep-alive connections would wait for their own timeout.
    await Promise.race([stopped, Bun.sleep(lastFramesMs)])
    await server.stop(true)
  }
  return { url: server.url.origin, port: server.port ?? port, close }
}

const lastFramesMs = 500

/** RFC 9112 §3.2: a server refuses requests without a host, or with more than one; proxies in front would not agree on whose they are. */
const hasOneHost = (headers: Headers): boolean => /^[^\s,]+$/.test(headers.get('host') ?? '')

const refuseHost = (): Response => errorResponse(new AppError('invalid_request', 'a request must name exactly one host'), uuidv7())
