import { Hono } from 'hono'
import { z } from 'zod'
import type { ApiKey, KeyAdmin } from '../../keys/admin.ts'
import { type Scope, scopes, tenantName } from '../../keys/principal.ts'
import { isLimit, limitNames } from '../../limits/rules.ts'
import { readJson } from '../body.ts'
import type { Env } from '../context.ts'
import { displayName } from '../schemas/fields.ts'
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
          allowedOrigins: body.allowed_origins,
          metadata: body.metadata,
          expiresAtMs: body.expires_at,
        },
        { actor: actorOf(c), reason: body.reason },
      )
      return c.json({ ...keyJson(key), secret }, 201)
    })
    .post('/:id/rotate', async (c) => {
      const { reason, grace_s } = parse(rotateBody, await readJson(c.req.raw, maxBytes))
      const { key, secret } = await keys.rotate(c.req.param('id'), grace_s * 1000, { actor: actorOf(c), reason })
      return c.json({ ...keyJson(key), secret })
    })
    .post('/:id/revoke', async (c) => {
      const { reason } = parse(reasonBody, await readJson(c.req.raw, maxBytes))
      return c.json(keyJson(await keys.revoke(c.req.param('id'), { actor: actorOf(c), reason })))
    })

const maxBytes = 64 * 1024

const reason = z.string().trim().min(1).max(1000)
const reasonBody = z.strictObject({ reason })

/** For how long the old secret goes on working, in seconds: a day, so that those who use it have time; 0 when it leaked. */
const rotateBody = z.strictObject({
  reason,
  grace_s: z
    .number()
    .int()
    .nonnegative()
    .max(90 * 86_400)
    .default(86_400),
})

/** `https://app.example`: scheme, host and port as browsers send them. There is no wildcard. */
const origin = z
  .string()
  .max(300)
  .refine(
    (text) => URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text,
    'must be an origin such as https://app.example',
  )

const createBody = z.strictObject({
  name: displayName,
  tenant: z.string().regex(tenantName, 'use lower-case letters, digits, _ and -').default('default'),
  scopes: z.array(z.enum(scopes)).min(1).optional(),
  allowed_routes: z.array(z.string().min(1)).min(1).optional(),
  allowed_origins: z.array(origin).min(1).max(50).optional(),
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
  allowed_origins: key.allowedOrigins,
  metadata: key.metadata,
  created_at: iso(key.createdAtMs),
  expires_at: iso(key.expiresAtMs),
  revoked_at: iso(key.revokedAtMs),
  /** Until when the secret before the last rotation works. */
  previous_until: iso(key.previousUntilMs),
})

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
