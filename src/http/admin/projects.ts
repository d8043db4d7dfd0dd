import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { tenantName } from '../../keys/principal.ts'
import type { ProjectAdmin } from '../../keys/projects.ts'
import { AppError } from '../../lib/errors.ts'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'

/** `/admin/projects`: which organisation a tenant belongs to. */
export const projectRoutes = ({ projects }: { projects: ProjectAdmin }): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'get',
    '/',
    {
      tag: 'projects',
      summary: 'Projects and the organisations they belong to',
      response: { description: 'By organisation', schema: list },
    },
    async (c) => c.json({ object: 'list', data: (await projects.list()).map(json) } satisfies z.input<typeof list>),
  )
  documented(
    app,
    'put',
    '/{tenant}',
    {
      tag: 'projects',
      summary: 'Put a project under an organisation',
      body: assignBody,
      response: { description: 'The project', schema: project },
    },
    async (c, { body: { organisation, reason }, path }) => {
      const tenant = path('tenant')
      if (!tenantName.test(tenant)) throw new AppError('invalid_request', 'a project is named by lower-case letters, digits, _ and -')
      return c.json(json(await projects.assign({ tenant, organisation }, { actor: actorOf(c), reason })))
    },
  )
  documented(
    app,
    'delete',
    '/{tenant}',
    {
      tag: 'projects',
      summary: 'Take a project out of its organisation',
      body: reasonBody,
      response: { description: 'It belongs to none now', schema: removed },
    },
    async (c, { body: { reason }, path }) => {
      await projects.remove(path('tenant'), { actor: actorOf(c), reason })
      return c.json({ project: path('tenant'), organisation: null })
    },
  )
  return app
}

const reason = z.string().trim().min(1).max(1000)
const reasonBody = z.strictObject({ reason })
const assignBody = z.strictObject({
  organisation: z.string().regex(tenantName, 'use lower-case letters, digits, _ and -'),
  reason,
})

const project = z.object({ project: z.string(), organisation: z.string() })
const removed = z.object({ project: z.string(), organisation: z.null() })
const list = z.object({ object: z.literal('list'), data: z.array(project) })

const json = ({ tenant, organisation }: { tenant: string; organisation: string }) => ({ project: tenant, organisation })
