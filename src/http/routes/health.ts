import type { EdgeContext } from '../context.ts'
import type { InFlight } from '../in-flight.ts'

/** What stands between the server and its work, by part: `database: 'connecting'`. Nothing when it is ready. */
export type Readiness = { ready: boolean; waitingFor: Record<string, string> }

/** `GET /healthz`: the process answers. Says nothing about its parts, so that no outage elsewhere gets it restarted. */
export const healthz = (c: EdgeContext): Response => c.json({ status: 'ok' })

/** `GET /readyz`: 200 while requests are welcome, 503 while starting or shutting down. */
export const readyz = ({ readiness, inFlight }: { readiness: () => Readiness; inFlight: InFlight }) =>
  function readyz(c: EdgeContext): Response {
    if (inFlight.draining) return c.json({ status: 'shutting down' }, 503)
    const { ready, waitingFor } = readiness()
    return ready ? c.json({ status: 'ready' }) : c.json({ status: 'starting', waiting_for: waitingFor }, 503)
  }
