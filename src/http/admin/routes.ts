import { OpenAPIHono } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { z } from 'zod'
import type { AdaptiveWeights } from '../../rollout/adaptive.ts'
import type { Explanation } from '../../rollout/explain.ts'
import type { Route } from '../../rollout/route.ts'
import type { RouteEvent, RouteVersion } from '../../rollout/routes-store.ts'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'

export type RouteRoutesDeps = {
  /** Every declared route, as it is in force. */
  list: () => { route: Route; source: 'file' | 'api'; version: number | null }[]
  /** Throws `not_found`. */
  get: (name: string) => Promise<{ route: Route | null; source: 'file' | 'api'; settings: unknown; versions: RouteVersion[] }>
  put: (
    put: { name: string; settings: unknown; expectedVersion: number | null | undefined },
    by: { actor: string; reason: string },
  ) => Promise<{ version: RouteVersion; changed: boolean }>
  remove: (name: string, by: { actor: string; reason: string }) => Promise<void>
  rollback: (name: string, version: number | undefined, by: { actor: string; reason: string }) => Promise<RouteVersion>
  history: (name: string) => Promise<RouteEvent[]>
  /** What an adaptive route made of its weights, newest first. */
  weights: (name: string, limit: number) => Promise<AdaptiveWeights[]>
  /** Why a request gets its variant. Throws `not_found`. */
  explain: (name: string, ask: ExplainAsk, signal: AbortSignal) => Promise<Explanation>
  /** `/{name}/performance`. */
  performance: Hono<Env>
}

/** Of a request that is only imagined. */
export type ExplainAsk = { subject: string; text: string; metadata: Record<string, string>; tools: boolean }

/** `/admin/routes`: what clients may call as `model`. Routes of weir.yaml are read here; others are made, changed and removed. */
export const routeRoutes = (deps: RouteRoutesDeps): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  const tag = 'routes'
  app.route('/', deps.performance)
  documented(
    app,
    'get',
    '/',
    {
      tag,
      summary: 'Every route as it is in force',
      response: { description: 'Routes by name', schema: z.object({ data: z.array(routeSchema) }) },
    },
    (c) => c.json({ object: 'list', data: deps.list().map(({ route, source, version }) => ({ ...routeJson(route), source, version })) }),
  )
  documented(
    app,
    'get',
    '/{name}/history',
    {
      tag,
      summary: 'Who changed a route, when and why, oldest first',
      response: { description: 'Events', schema: z.object({ data: z.array(eventSchema) }) },
    },
    async (c, { path }) => c.json({ object: 'list', data: (await deps.history(path('name'))).map(eventJson) }),
  )
  documented(
    app,
    'get',
    '/{name}/weights',
    {
      tag,
      summary: 'What an adaptive route made of its weights, and on what evidence, newest first',
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(50) }),
      response: { description: 'Moves', schema: z.object({ data: z.array(z.object({}).loose()) }) },
    },
    async (c, { path, query }) => {
      await deps.get(path('name'))
      return c.json({ object: 'list', data: (await deps.weights(path('name'), query.limit)).map(moveJson) })
    },
  )
  documented(
    app,
    'post',
    '/{name}/explain',
    {
      tag,
      summary: 'Why a request gets the variant that it gets: every rule, the hashes of its subject, and what decides',
      body: z.strictObject({
        subject: z.string().default(''),
        text: z.string().default(''),
        metadata: z.record(z.string(), z.string()).default({}),
        tools: z.boolean().default(false),
      }),
      response: { description: 'The decision and its reasons', schema: z.object({}).loose() },
    },
    async (c, { path, body }) => c.json(explanationJson(path('name'), await deps.explain(path('name'), body, c.req.raw.signal))),
  )
  documented(
    app,
    'post',
    '/{name}/rollback',
    {
      tag,
      summary: 'Make an earlier version the route again: the one before, or `version`',
      body: z.strictObject({ reason, version: z.number().int().positive().optional() }),
      response: { description: 'The version in force', schema: versionSchema },
    },
    async (c, { path, body }) =>
      c.json(versionJson(await deps.rollback(path('name'), body.version, { actor: actorOf(c), reason: body.reason }))),
  )
  documented(
    app,
    'get',
    '/{name}',
    {
      tag,
      summary: 'A route, what it was made of, and its versions',
      response: { description: 'The route', schema: z.object({}).loose() },
    },
    async (c, { path }) => {
      const { route, source, settings, versions } = await deps.get(path('name'))
      return c.json({ name: path('name'), source, in_force: route && routeJson(route), settings, versions: versions.map(versionJson) })
    },
  )
  documented(
    app,
    'put',
    '/{name}',
    {
      tag,
      summary: 'Make or change a route: a new version, in force at once',
      body: z.strictObject({ settings: z.unknown(), reason, expected_version: z.number().int().positive().nullable().optional() }),
      response: { description: 'The version in force; `changed` is false when it was in force already', schema: versionSchema },
    },
    async (c, { path, body }) => {
      const put = { name: path('name'), settings: body.settings ?? null, expectedVersion: body.expected_version }
      const { version, changed } = await deps.put(put, { actor: actorOf(c), reason: body.reason })
      return c.json({ ...versionJson(version), changed })
    },
  )
  documented(
    app,
    'delete',
    '/{name}',
    {
      tag,
      summary: 'Serve a route no more; its versions stay, and a rollback brings it back',
      query: z.strictObject({ reason }),
      response: { description: 'Gone', schema: z.object({ name: z.string(), deleted: z.boolean() }) },
    },
    async (c, { path, query }) => {
      await deps.remove(path('name'), { actor: actorOf(c), reason: query.reason })
      return c.json({ name: path('name'), deleted: true })
    },
  )
  return app
}

const reason = z.string('say why: a change needs a reason').trim().min(1, 'say why: a change needs a reason').max(1000)

const routeJson = ({ name, variants, disabled, trial, shadow }: Route) => ({
  name,
  variants: variants.map((variant) => ({
    name: variant.name,
    weight_percent: variant.weightPercent,
    model: variant.model,
    variant_hash: variant.hash,
    disabled: disabled?.has(variant.name) ?? false,
  })),
  trial: trial
    ? { candidate: trial.candidate.name, control: trial.control.name, weight_percent: trial.weightPercent, rollout: trial.seed }
    : null,
  shadow: shadow ? { variant: shadow.variant, sample_percent: shadow.samplePercent } : null,
})

const moveJson = ({ weights, stopped, evidence, atMs }: AdaptiveWeights) => ({
  at: new Date(atMs).toISOString(),
  weights,
  stopped,
  evidence,
})

const explanationJson = (route: string, { trial, weights, ...same }: Explanation) => ({
  object: 'route.explanation',
  route,
  ...same,
  trial: trial && { enrolment: trial.enrolment, enrolled_below: trial.enrolledBelow, arm: trial.arm },
  weights: weights.map(({ variant, weightPercent, arrival }) => ({ variant, weight_percent: weightPercent, arrival })),
})

const routeSchema = z.object({
  name: z.string(),
  source: z.enum(['file', 'api']),
  version: z.number().nullable(),
  variants: z.array(
    z.object({ name: z.string(), weight_percent: z.number(), model: z.string(), variant_hash: z.string(), disabled: z.boolean() }),
  ),
  trial: z.object({ candidate: z.string(), control: z.string(), weight_percent: z.number(), rollout: z.string() }).nullable(),
  shadow: z.object({ variant: z.string(), sample_percent: z.number() }).nullable(),
})

const versionSchema = z.object({
  name: z.string(),
  version: z.number(),
  settings: z.unknown(),
  settings_hash: z.string(),
  created_by: z.string(),
  reason: z.string(),
  created_at: z.string(),
})
const versionJson = (version: RouteVersion): z.input<typeof versionSchema> => ({
  name: version.name,
  version: version.version,
  settings: version.settings,
  settings_hash: version.settingsHash,
  created_by: version.createdBy,
  reason: version.reason,
  created_at: new Date(version.createdAtMs).toISOString(),
})

const eventSchema = z.object({
  kind: z.string(),
  from_version: z.number().nullable(),
  to_version: z.number().nullable(),
  actor: z.string(),
  reason: z.string(),
  at: z.string(),
})
const eventJson = (event: RouteEvent): z.input<typeof eventSchema> => ({
  kind: event.kind,
  from_version: event.fromVersion,
  to_version: event.toVersion,
  actor: event.actor,
  reason: event.reason,
  at: new Date(event.atMs).toISOString(),
})
