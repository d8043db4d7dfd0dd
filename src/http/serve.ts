import type { Hono } from 'hono'
import type { Env } from './context.ts'
import type { InFlight } from './in-flight.ts'

export type ServeOptions = {
  app: Hono<Env>
  inFlight: InFlight
  hostname: string /** 0 picks a free one. */
  port: number
  graceMs: number
}

export type Serving = {
  url: string
  port: number
  /** Accepts nothing new, lets streams end for `graceMs`, tells the rest that the server is going, and returns when all are gone. */
  close: () => Promise<void>
}

/** Listens. Slow senders are cut off after `idleSeconds`; answers may take as long as their models do. */
export const serve = ({ app, inFlight, hostname, port, graceMs }: ServeOptions): Serving => {
  const server = Bun.serve({
    hostname,
    port,
    idleTimeout: idleSeconds,
    // `readJson` enforces the configured limit, and answers with a proper error.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, self) => app.fetch(request, self),
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

const idleSeconds = 60
const lastFramesMs = 500
