import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { RolloutActions } from '../../rollout/actions.ts'
import type { RolloutEvidence } from '../../rollout/assess.ts'
import type { Decision } from '../../rollout/decide.ts'
import type { RolloutPlan } from '../../rollout/plan.ts'
import { simulate } from '../../rollout/simulate.ts'
import type { NewRollout, Rollout, RolloutEvent } from '../../rollout/store.ts'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'
import { lines } from './lines.ts'
import { eventJson, eventSchema, planJson, rolloutJson, rolloutSchema, simulationJson, statusJson } from './rollout-json.ts'

export type Status = { rollout: Rollout; events: RolloutEvent[]; evidence: RolloutEvidence; next: Decision }

export type RolloutRoutesDeps<Plan extends z.ZodType> = {
  list: () => readonly Rollout[]
  /** Throws `not_found`. */
  status: (idOrRoute: string) => Promise<Status>
  events: (idOrRoute: string) => Promise<RolloutEvent[]>
  /** Throws `not_found` and `invalid_request`. */
  prepare: (
    wish: { route: string; candidate: string | undefined; stable: string | undefined; plan: z.output<Plan> | undefined },
    actor: string,
  ) => NewRollout
  /** The plan given, or the route's own, or the usual one. */
  planOf: (route: string | undefined, plan: z.output<Plan> | undefined) => RolloutPlan
  actions: RolloutActions
  planSchema: Plan
}

const moves = {
  approve: 'Pass a step that waits for approval',
  hold: 'Stay at the present weight; guardrails go on',
  resume: 'Go on with the step from its beginning, accepting what held it',
  abort: 'End it with no verdict on the candidate',
  promote: 'Serve the candidate to everybody now, whatever the evidence',
  rollback: 'Serve the stable variant to everybody and disable the candidate; also after a promotion',
} as const

/** `/admin/rollouts`: candidates on their way into routes. `{name}` is an id, or a route for its newest rollout. */
export const rolloutRoutes = <Plan extends z.ZodType>(deps: RolloutRoutesDeps<Plan>): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  const tag = 'rollouts'
  const { actions, planSchema } = deps
  const startBody = z.strictObject({
    route: z.string().min(1).max(256),
    candidate: z.string().min(1).max(256).optional(),
    stable: z.string().min(1).max(256).optional(),
    plan: planSchema.optional(),
    override_gate: z.boolean().default(false),
    reason,
  })
  const simulateBody = z.strictObject({
    route: z.string().min(1).max(256).optional(),
    plan: planSchema.optional(),
    control_rate: z.number().min(0).max(1),
    candidate_rate: z.number().min(0).max(1),
    runs: z.number().int().min(1).max(20_000).default(600),
    requests: z.number().int().min(50).max(2_000_000).optional(),
    requests_per_second: z.number().gt(0).max(1_000_000).default(10),
    cached: z.boolean().default(false),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(1),
  })

  documented(
    app,
    'get',
    '/',
    {
      tag,
      summary: 'Rollouts, newest first',
      query: z.strictObject({ route: z.string().optional(), status: z.string().optional() }),
      response: { description: 'Rollouts', schema: z.object({ data: z.array(rolloutSchema) }) },
    },
    (c, { query }) => {
      const found = deps.list().filter(({ route, status }) => (query.route ?? route) === route && (query.status ?? status) === status)
      return c.json({ object: 'list', data: found.toReversed().map(rolloutJson) })
    },
  )
  documented(
    app,
    'post',
    '/',
    {
      tag,
      summary: 'Start a rollout by the plan given, the plan of the route, or the usual one',
      body: startBody,
      response: { status: 201, description: 'The rollout; `pending` while its gate does not let it', schema: rolloutSchema },
    },
    async (c, { body }) => {
      const given = body as z.output<typeof startBody> & { plan?: z.output<Plan> }
      const by = { actor: actorOf(c), reason: given.reason }
      const { route, candidate, stable, plan } = given
      const rollout = deps.prepare({ route, candidate, stable, plan }, by.actor)
      return c.json(rolloutJson(await actions.start(rollout, by, { overrideGate: given.override_gate })), 201)
    },
  )
  documented(
    app,
    'post',
    '/simulate',
    {
      tag,
      summary: 'Play a plan against failure rates',
      body: simulateBody,
      response: { description: 'Lines of progress, then the result', type: 'application/x-ndjson' },
    },
    (c, { body }) => {
      const given = body as z.output<typeof simulateBody> & { plan?: z.output<Plan> }
      const plan = deps.planOf(given.route, given.plan)
      return lines(c, async (line, signal) => {
        const result = await simulate({
          plan,
          failureRates: { control: given.control_rate, candidate: given.candidate_rate },
          runs: given.runs,
          requests: given.requests ?? enough(plan, given.requests_per_second),
          requestsPerSecond: given.requests_per_second,
          // A server looks once a second.
          lookEvery: Math.max(50, Math.round(given.requests_per_second)),
          seed: given.seed,
          everyone: !given.cached,
          onRun: (done) => {
            if (done % Math.max(1, Math.floor(given.runs / 100)) === 0) line({ type: 'progress', done, total: given.runs })
          },
          // Requests go before a simulation.
          pause: async () => {
            await new Promise((resolve) => setImmediate(resolve))
            signal.throwIfAborted()
          },
        })
        line({ type: 'done', plan: planJson(plan), ...simulationJson(result, given) })
      })
    },
  )
  documented(
    app,
    'get',
    '/{name}/events',
    {
      tag,
      summary: 'What happened, oldest first, with the evidence',
      response: { description: 'Events', schema: z.object({ data: z.array(eventSchema) }) },
    },
    async (c, { path }) => c.json({ object: 'list', data: (await deps.events(path('name'))).map(eventJson) }),
  )
  for (const [move, summary] of Object.entries(moves) as [keyof typeof moves, string][]) {
    documented(
      app,
      'post',
      `/{name}/${move}`,
      { tag, summary, body: z.strictObject({ reason }), response: { description: 'The rollout', schema: rolloutSchema } },
      async (c, { path, body }) => c.json(rolloutJson(await actions[move](path('name'), { actor: actorOf(c), reason: body.reason }))),
    )
  }
  documented(
    app,
    'get',
    '/{name}',
    {
      tag,
      summary: 'Where a rollout stands, what the evidence says, and what comes next',
      response: { description: 'The rollout', schema: z.object({}).loose() },
    },
    async (c, { path }) => c.json(statusJson(await deps.status(path('name')))),
  )
  return app
}

const reason = z.string('say why: this needs a reason').trim().min(1, 'say why: this needs a reason').max(1000)

/** Requests in three times the shortest time that the plan can take, so that most runs come to an end. */
const enough = ({ steps }: RolloutPlan, requestsPerSecond: number): number => {
  const shortestS = steps.reduce((sum, { minDurationMs }) => sum + minDurationMs / 1000, 0)
  return Math.min(2_000_000, Math.max(20_000, Math.ceil(3 * shortestS * requestsPerSecond)))
}
