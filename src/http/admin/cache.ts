import { Hono } from 'hono'
import { z } from 'zod'
import { readJson } from '../body.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'
import { actorOf } from './actor.ts'

/** Forgets the cached answers of a route's variants, or of one of them, and returns those that it was. Throws `not_found` for neither. */
export type DropCache = (
  at: { route: string; variant: string | undefined },
  by: { actor: string; reason: string },
) => Promise<{ name: string; hash: string }[]>

/** `POST /admin/cache/drop`: forgets the cached answers of a route. */
export const cacheRoutes = ({ drop }: { drop: DropCache }): Hono<Env> =>
  new Hono<Env>().post('/drop', async (c) => {
    const { route, variant, reason } = parse(dropBody, await readJson(c.req.raw, 64 * 1024))
    const dropped = await drop({ route, variant }, { actor: actorOf(c), reason })
    return c.json({ object: 'list', data: dropped.map(({ name, hash }) => ({ route, variant: name, variant_hash: hash })) })
  })

const dropBody = z.strictObject({
  route: z.string().min(1).max(256),
  variant: z.string().min(1).max(256).optional(),
  reason: z.string().trim().min(1).max(1000),
})
