import type { RouteRequest } from '../answer/request.ts'
import { AppError } from '../lib/errors.ts'
import type { EdgeContext } from './context.ts'
import type { WeirExtras } from './schemas/weir.ts'

type Body = {
  model: string
  user?: string | null | undefined
  safety_identifier?: string | null | undefined
  metadata?: Record<string, string> | null | undefined
  weir?: WeirExtras
}

/** What every endpoint that calls a route takes from its body and headers. */
export const toRouteRequest = (c: EdgeContext, body: Body): Omit<RouteRequest, 'signal'> => ({
  id: c.get('requestId'),
  startedAtMs: c.get('startedAtMs'),
  elapsedMs: c.get('elapsedMs'),
  route: body.model,
  subject: header(c, 'x-weir-subject') ?? body.user ?? body.safety_identifier ?? header(c, 'x-weir-session') ?? body.weir?.session ?? null,
  pin: header(c, 'x-weir-variant') ?? body.weir?.variant ?? null,
  principal: c.get('principal'),
  noteLimits: (limits) => c.set('rateLimits', limits),
  metadata: withClientRequestId(body.metadata ?? null, header(c, 'x-request-id')),
})

/** A client may name its request for its own logs; the name is kept beside our id, never in its place. */
const withClientRequestId = (metadata: RouteRequest['metadata'], clientId: string | undefined): RouteRequest['metadata'] =>
  clientId === undefined ? metadata : { ...metadata, client_request_id: clientId }

const header = (c: EdgeContext, name: string): string | undefined => {
  const value = c.req.header(name)
  if (value === undefined || value === '') return undefined
  if (value.length > 256) throw new AppError('invalid_request', `the header ${name} is longer than 256 characters`, { param: name })
  return value
}
