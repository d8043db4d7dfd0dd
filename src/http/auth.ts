import type { MiddlewareHandler } from 'hono'
import type { Principal, Scope } from '../keys/principal.ts'
import { AppError } from '../lib/errors.ts'
import type { EdgeContext, Env } from './context.ts'
import { isSameOrigin } from './same-origin.ts'

/** The only paths that answer without proof of who asks. Everything else, also what does not exist, is behind `requireKey`. */
export const publicPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

export type Authentication = {
  /**
   * The owner of a secret, from memory, or of a token of an identity provider, whose keys may have to be fetched first. Throws
   * `invalid_api_key` when it can say what is wrong.
   */
  authenticate: (secret: string) => Principal | undefined | Promise<Principal | undefined>
  /** Whether pages of an origin may use any key at all. */
  knowsOrigin: (origin: string) => boolean
  /** Who a caller without a key is, given the address it called from; undefined while a key is required. */
  keyless: (address: string | undefined) => Principal | undefined
}

/** Default deny: sets `principal`, or throws `invalid_api_key` or `permission_denied`. */
export const requireKey = ({ authenticate, keyless }: Omit<Authentication, 'knowsOrigin'>): MiddlewareHandler<Env> =>
  async function requireKey(c, next) {
    if (publicPaths.has(c.req.path)) return next()
    const secret = secretOf(c)
    const known = secret === undefined ? undefined : await authenticate(secret)
    const principal = known ?? (isKey(secret) ? undefined : withoutKey(c, keyless))
    if (principal === undefined) throw new AppError('invalid_api_key', 'the API key is not valid')
    const scope = scopeFor(c.req.path)
    if (!principal.scopes.includes(scope)) throw new AppError('permission_denied', `this API key lacks the scope '${scope}'`)
    c.set('principal', principal)
    refuseOtherOrigins(c, principal)
    return next()
  }

/**
 * Whether a client means a key of ours. The OpenAI SDKs do not work without some key, so while none is needed any other text stands for
 * none; a key that looks like ours and is not known is a mistake that its owner wants to hear of.
 */
const isKey = (secret: string | undefined): boolean => secret?.startsWith('weir-') ?? false

/** A key for the pages of one site is of no use to those of another. Programs send no `Origin`; they are not concerned. */
const refuseOtherOrigins = (c: EdgeContext, { allowedOrigins }: Principal): void => {
  const origin = c.req.header('origin')
  if (origin === undefined || allowedOrigins == null || allowedOrigins.includes(origin)) return
  throw new AppError('permission_denied', 'this API key is not for pages of this origin')
}

const scopeFor = (path: string): Scope => (path.startsWith('/v1/') || path === '/openapi.json' ? 'inference' : 'admin')

const secretOf = (c: EdgeContext): string | undefined => {
  const authorization = c.req.header('authorization')
  if (authorization !== undefined) {
    const match = /^bearer +(\S+) *$/i.exec(authorization)
    if (match === null) throw new AppError('invalid_api_key', "the Authorization header must read 'Bearer <API key>'")
    return match[1]
  }
  return c.req.header('x-api-key') ?? c.req.header('api-key')
}

const withoutKey = (c: EdgeContext, keyless: Authentication['keyless']): Principal => {
  const principal = keyless(c.env?.requestIP?.(c.req.raw)?.address)
  if (principal === undefined) {
    const message =
      secretOf(c) === undefined ? "an API key is required: send 'Authorization: Bearer <API key>'" : 'the API key is not valid'
    throw new AppError('invalid_api_key', message)
  }
  if (!isSameOrigin(c.req.raw.headers)) {
    throw new AppError('permission_denied', 'without an API key only this machine may call, and no page of another site: use a key')
  }
  return principal
}
