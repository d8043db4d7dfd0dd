import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'

/** Forgets the cached answers of a route's variants, or of one of them, and returns those that it was. Throws `not_found` for neither. */
export type DropCache = (
  at: { route: string; variant: string | undefined },
  by: { actor: string; reason: string },
) => Promise<{ name: string; hash: string }[]>

/** `POST /admin/cache/drop`: forgets the cached answers of a route. */
export const cacheRoutes = ({ drop }: { drop: DropCache }): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'post',
    '/drop',
    {
      tag: 'cache',
      summary: 'Forget the cached answers of a route',
      body: dropBody,
      response: { description: 'Its variants', schema: dropped },
    },
    async (c, { body: { route, variant, reason } }) => {
      const variants = await drop({ route, variant }, { actor: actorOf(c), reason })
      return c.json({ object: 'list', data: variants.map(({ name, hash }) => ({ route, variant: name, variant_hash: hash })) })
    },
  )
  return app
}

const dropped = z.object({
  object: z.literal('list'),
  data: z.array(z.object({ route: z.string(), variant: z.string(), variant_hash: z.string() })),
})

const dropBody = z.strictObject({
  route: z.string().min(1).max(256),
  variant: z.string().min(1).max(256).optional(),
  reason: z.string().trim().min(1).max(1000),
})
