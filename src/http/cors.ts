import type { MiddlewareHandler } from 'hono'
import type { Env } from './context.ts'

/**
 * Lets pages of other sites in that a key names (Fetch Standard, CORS protocol). A preflight brings no key, so it is answered for every
 * origin that some key allows; the request that follows is checked against its own key by `requireKey`. Only `/v1` is for pages.
 */
export const cors = ({ knowsOrigin }: { knowsOrigin: (origin: string) => boolean }): MiddlewareHandler<Env> =>
  async function cors(c, next) {
    const origin = c.req.header('origin')
    if (origin === undefined || !c.req.path.startsWith('/v1/') || !knowsOrigin(origin)) return next()
    if (c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined) {
      return new Response(null, { status: 204, headers: preflightHeaders(origin, c.req.header('access-control-request-headers')) })
    }
    await next()
    // Before a key is known a page may read why it was refused; after that only what its key lets it.
    const principal = c.get('principal')
    if (principal !== undefined && !principal.allowedOrigins?.includes(origin)) return
    c.res.headers.set('access-control-allow-origin', origin)
    c.res.headers.set('access-control-expose-headers', exposed)
    c.res.headers.append('vary', 'origin')
  }

const preflightHeaders = (origin: string, asked: string | undefined): Record<string, string> => ({
  'access-control-allow-origin': origin,
  'access-control-allow-methods': 'GET, POST, DELETE',
  // SDKs send headers of their own (`x-stainless-*`): what is asked for is allowed, as long as it is a list of names.
  'access-control-allow-headers':
    asked !== undefined && /^[\w-]+(\s*,\s*[\w-]+)*$/.test(asked) && asked.length <= 2048 ? asked : 'authorization, content-type',
  'access-control-max-age': '600',
  vary: 'origin, access-control-request-headers',
})

const exposed = [
  'age',
  'retry-after',
  'retry-after-ms',
  'x-request-id',
  'x-client-request-id',
  'x-weir-budget-fallback',
  ...['cache', 'cache-similarity', 'cost', 'model', 'variant'].map((name) => `x-weir-${name}`),
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
].join(', ')
