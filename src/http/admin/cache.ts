import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { SemanticCheck } from '../../cache/semantic/checks.ts'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'

/** Forgets the cached answers of a route's variants, or of one of them, and returns those that it was. Throws `not_found` for neither. */
export type DropCache = (
  at: { route: string; variant: string | undefined },
  by: { actor: string; reason: string },
) => Promise<{ name: string; hash: string }[]>

/** `GET /admin/cache`: what became of semantic hits. `POST /admin/cache/drop`: forgets the cached answers of a route. */
export const cacheRoutes = ({ drop, semantic }: { drop: DropCache; semantic: () => Promise<SemanticCheck[]> }): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'get',
    '/',
    {
      tag: 'cache',
      summary: 'What became of semantic hits, by variant',
      response: { description: 'Counts of all replicas since the variant was last dropped', schema: checks },
    },
    async (c) => c.json({ object: 'list', data: (await semantic()).map(checkJson) } satisfies z.input<typeof checks>),
  )
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

/** `wrong_percent`: of the checked hits; null when none was. */
const checks = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      route: z.string(),
      variant: z.string(),
      variant_hash: z.string(),
      semantic_hits: z.int(),
      checked: z.int(),
      wrong: z.int(),
      wrong_percent: z.number().nullable(),
      disabled_at: z.string().nullable(),
    }),
  ),
})

const checkJson = ({ route, variant, variantHash, hits, checked, wrong, disabledAtMs }: SemanticCheck) => ({
  route,
  variant,
  variant_hash: variantHash,
  semantic_hits: hits,
  checked,
  wrong,
  wrong_percent: checked === 0 ? null : (100 * wrong) / checked,
  disabled_at: disabledAtMs === null ? null : new Date(disabledAtMs).toISOString(),
})

const dropped = z.object({
  object: z.literal('list'),
  data: z.array(z.object({ route: z.string(), variant: z.string(), variant_hash: z.string() })),
})

const dropBody = z.strictObject({
  route: z.string().min(1).max(256),
  variant: z.string().min(1).max(256).optional(),
  reason: z.string().trim().min(1).max(1000),
})
