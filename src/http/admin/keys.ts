import { Hono } from 'hono'
import { z } from 'zod'
import type { ApiKey, KeyAdmin } from '../../keys/admin.ts'
import { type Scope, scopes } from '../../keys/principal.ts'
import { isLimit, limitNames } from '../../limits/rules.ts'
import { readJson } from '../body.ts'
import type { Env } from '../context.ts'
import { parse } from '../schemas/parse.ts'
import { actorOf } from './actor.ts'

/** `/admin/keys`: list and create; `/admin/keys/{id}/rotate` and `/revoke`, which need a reason. */
export const keyRoutes = ({ keys, defaultScopes }: { keys: KeyAdmin; defaultScopes: () => readonly Scope[] }): Hono<Env> =>
  new Hono<Env>()
    .get('/', async (c) => c.json({ object: 'list', data: (await keys.list()).map(keyJson) }))
    .post('/', async (c) => {
      const body = parse(createBody, await readJson(c.req.raw, maxBytes))
      const { key, secret } = await keys.create(
        {
          name: body.name,
          tenant: body.tenant,
          scopes: body.scopes ?? defaultScopes(),
          allowedRoutes: body.allowed_routes,
          metadata: body.metadata,
          expiresAtMs: body.expires_at,
        },
        { actor: actorOf(c), reason: body.reason },
      )
      return c.json({ ...keyJson(key), secret }, 201)
    })
    .post('/:id/rotate', async (c) => {
      const { reason } = parse(reasonBody, await readJson(c.req.raw, maxBytes))
      const { key, secret } = await keys.rotate(c.req.param('id'), { actor: actorOf(c), reason })
      return c.json({ ...keyJson(key), secret })
    })
    .post('/:id/revoke', async (c) => {
      const { reason } = parse(reasonBody, await readJson(c.req.raw, maxBytes))
      return c.json(keyJson(await keys.revoke(c.req.param('id'), { actor: actorOf(c), reason })))
    })

const maxBytes = 64 * 1024

const reason = z.string().trim().min(1).max(1000)
const reasonBody = z.strictObject({ reason })

const createBody = z.strictObject({
  name: z.string().trim().min(1).max(200),
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'use lower-case letters, digits, _ and -')
    .default('default'),
  scopes: z.array(z.enum(scopes)).min(1).optional(),
  allowed_routes: z.array(z.string().min(1)).min(1).optional(),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((metadata) => limitNames.every((limit) => metadata[limit] === undefined || isLimit(metadata[limit])), {
      message: `${limitNames.join(', ')} must be whole numbers above 0`,
    })
    .optional(),
  expires_at: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()])
    .transform((text) => Date.parse(text))
    .optional(),
  reason: reason.optional(),
})

const keyJson = (key: ApiKey) => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  tenant: key.tenant,
  scopes: key.scopes,
  allowed_routes: key.allowedRoutes,
  metadata: key.metadata,
  created_at: iso(key.createdAtMs),
  expires_at: iso(key.expiresAtMs),
  revoked_at: iso(key.revokedAtMs),
})

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
