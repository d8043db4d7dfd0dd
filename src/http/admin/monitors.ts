import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  acknowledgeAlert,
  alertEvents,
  findAlert,
  listAlerts,
  listSilences,
  noteAlert,
  resolveAlert,
  silence,
} from '../../monitors/alerts.ts'
import {
  alertEventJson,
  alertJson,
  referenceJson,
  referenceSignalsJson,
  replayJson,
  silenceJson,
  statusJson,
  variantReportJson,
} from '../../monitors/json.ts'
import { findReference, listReferences, type Reference, referenceSignals } from '../../monitors/reference.ts'
import type { Replay } from '../../monitors/replay-store.ts'
import type { VariantReport, VariantStatus } from '../../monitors/report.ts'
import type { Signal } from '../../monitors/signal.ts'
import type { EdgeContext, Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'
import { monitorPage } from './monitor-page.ts'
import {
  alertSchema,
  alertsQuery,
  listOf,
  noteBody,
  ownerBody,
  reasonBody,
  referenceBody,
  referenceSchema,
  referencesQuery,
  replaySchema,
  reportQuery,
  silenceBody,
  silenceSchema,
  statusSchema,
} from './monitor-schemas.ts'

export type MonitorRoutesDeps = {
  db: Database
  clock: Clock
  /** Monitored routes. */
  routes: () => readonly string[]
  signals: () => readonly Signal[]
  /** Throws `not_found` for a route that is not monitored. */
  status: (route: string) => Promise<VariantStatus[]>
  report: (route: string) => Promise<VariantReport[]>
  /** Newest first. */
  replays: (route: string) => Promise<Replay[]>
  /** Asks the golden set now. Throws `invalid_request` for a route without one. */
  replay: (route: string, by: { actor: string; reason: string }, signal: AbortSignal) => Promise<Replay>
  createReference: (
    wish: { route: string; variant: string | undefined; fromMs: number | undefined; toMs: number | undefined; last: number | undefined },
    by: { actor: string; reason: string },
  ) => Promise<Reference>
}

const tag = 'monitors'

/** `/admin/monitors`: what drifts, references, alerts and silences. `{name}` of a report is a route. */
export const monitorRoutes = (deps: MonitorRoutesDeps): OpenAPIHono<Env> => {
  const { db } = deps
  const app = new OpenAPIHono<Env>()
  documented(
    app,
    'get',
    '/',
    {
      tag,
      summary: 'How every monitored variant stands',
      response: { description: 'Variants with a reference', schema: listOf(statusSchema) },
    },
    async (c) => {
      const all = await Promise.all(deps.routes().map(async (route) => (await deps.status(route)).map((one) => statusJson(route, one))))
      return c.json({ object: 'list', routes: deps.routes(), data: all.flat() })
    },
  )
  documented(
    app,
    'get',
    '/signals',
    {
      tag,
      summary: 'What is followed of requests',
      response: { description: 'Signals', schema: listOf(z.object({ name: z.string() }).loose()) },
    },
    (c) =>
      c.json({
        object: 'list',
        data: deps
          .signals()
          .map(({ name, kind, tag: about, detector, log = false, worse = null }) => ({ name, kind, tag: about, detector, log, worse })),
      }),
  )
  referenceRoutes(app, deps)
  alertRoutes(app, deps)
  documented(
    app,
    'get',
    '/silences',
    { tag, summary: 'Silences that are not over', response: { description: 'Silences', schema: listOf(silenceSchema) } },
    async (c) => c.json({ object: 'list', data: (await listSilences(db, deps.clock())).map(silenceJson) }),
  )
  documented(
    app,
    'post',
    '/silences',
    {
      tag,
      summary: 'Open no alert of a route, or of one of its signals, for a time',
      body: silenceBody,
      response: { status: 201, description: 'The silence', schema: silenceSchema },
    },
    async (c, { body }) => {
      const nowMs = deps.clock()
      const { route, signal, from, to, reason } = body
      const made = await silence(db, { route, signal: signal ?? null, fromMs: from ?? nowMs, toMs: to, actor: actorOf(c), reason, nowMs })
      return c.json(silenceJson(made), 201)
    },
  )
  documented(
    app,
    'get',
    '/{name}/report',
    {
      tag,
      summary: 'What drifts on a route: findings, time line, distributions and examples; `format=html` for a page',
      query: reportQuery,
      response: { description: 'The report', schema: z.object({ data: z.array(statusSchema) }).loose() },
    },
    async (c, { path, query }) => {
      const route = path('name')
      const data = (await deps.report(route))
        .filter(({ reference }) => query.variant === undefined || [reference.variant, reference.variantHash].includes(query.variant))
        .map((one) => variantReportJson(route, one))
      const report = { object: 'monitor.report' as const, route, at: new Date(deps.clock()).toISOString(), data }
      return query.format === 'html' ? c.html(monitorPage(report)) : c.json(report)
    },
  )
  documented(
    app,
    'get',
    '/{name}/replays',
    {
      tag,
      summary: 'Replays of the golden set of a route, newest first',
      response: { description: 'Replays', schema: listOf(replaySchema) },
    },
    async (c, { path }) => c.json({ object: 'list', data: (await deps.replays(path('name'))).map(replayJson) }),
  )
  documented(
    app,
    'post',
    '/{name}/replays',
    {
      tag,
      summary: 'Ask the golden set of a route now, and compare the answers with the first ones',
      body: reasonBody,
      response: { status: 201, description: 'The replay', schema: replaySchema },
    },
    async (c, { path, body }) => {
      c.env?.timeout?.(c.req.raw, 0)
      return c.json(replayJson(await deps.replay(path('name'), { actor: actorOf(c), reason: body.reason }, c.req.raw.signal)), 201)
    },
  )
  return app
}

const referenceRoutes = (app: OpenAPIHono<Env>, { db, createReference }: MonitorRoutesDeps): void => {
  documented(
    app,
    'get',
    '/references',
    {
      tag,
      summary: 'References, newest first',
      query: referencesQuery,
      response: { description: 'References', schema: listOf(referenceSchema) },
    },
    async (c, { query }) => {
      const found = await listReferences(db, { route: query.route })
      return c.json({ object: 'list', data: found.filter(({ variant }) => (query.variant ?? variant) === variant).map(referenceJson) })
    },
  )
  documented(
    app,
    'post',
    '/references',
    {
      tag,
      summary: 'Keep what the traffic of a variant is like, to compare later traffic with',
      body: referenceBody,
      response: { status: 201, description: 'The reference', schema: referenceSchema },
    },
    async (c, { body }) => {
      const { route, variant, from, to, last, reason } = body
      const wish = { route, variant, fromMs: from, toMs: to, last }
      return c.json(referenceJson(await createReference(wish, { actor: actorOf(c), reason })), 201)
    },
  )
  documented(
    app,
    'get',
    '/references/{name}',
    {
      tag,
      summary: 'A reference and what it holds of each signal',
      response: { description: 'The reference', schema: referenceSchema.loose() },
    },
    async (c, { path }) => {
      const reference = await findReference(db, path('name'))
      return c.json({ ...referenceJson(reference), signals: referenceSignalsJson(await referenceSignals(db, reference.id)) })
    },
  )
}

const alertRoutes = (app: OpenAPIHono<Env>, { db, clock }: MonitorRoutesDeps): void => {
  const by = (c: EdgeContext, note: string | undefined) => ({ actor: actorOf(c), note: note ?? null, nowMs: clock() })
  const alert = { description: 'The alert', schema: alertSchema }
  documented(
    app,
    'get',
    '/alerts',
    {
      tag,
      summary: 'Alerts, newest first; those that nobody resolved unless a state is named',
      query: alertsQuery,
      response: { description: 'Alerts', schema: listOf(alertSchema) },
    },
    async (c, { query }) => {
      const { route, state, limit } = query
      const states = state === 'all' ? undefined : state === undefined ? (['open', 'acknowledged'] as const) : ([state] as const)
      return c.json({ object: 'list', data: (await listAlerts(db, { route, states, limit })).map(alertJson) })
    },
  )
  documented(
    app,
    'post',
    '/alerts/{name}/acknowledge',
    { tag, summary: 'Say that somebody looks after an alert', body: ownerBody, response: alert },
    async (c, { path, body }) => {
      const who = by(c, body.note)
      return c.json(alertJson(await acknowledgeAlert(db, path('name'), { ...who, owner: body.owner ?? who.actor })))
    },
  )
  documented(
    app,
    'post',
    '/alerts/{name}/resolve',
    { tag, summary: 'Close an alert; drift that goes on opens another', body: noteBody, response: alert },
    async (c, { path, body }) => c.json(alertJson(await resolveAlert(db, path('name'), by(c, body.note)))),
  )
  documented(
    app,
    'post',
    '/alerts/{name}/note',
    { tag, summary: 'Write something beside an alert', body: noteBody, response: alert },
    async (c, { path, body }) => c.json(alertJson(await noteAlert(db, path('name'), { ...by(c, body.note), note: body.note }))),
  )
  documented(
    app,
    'get',
    '/alerts/{name}',
    { tag, summary: 'An alert with what happened to it', response: { description: 'The alert', schema: alertSchema.loose() } },
    async (c, { path }) => {
      const found = await findAlert(db, path('name'))
      return c.json({ ...alertJson(found), events: (await alertEvents(db, found.id)).map(alertEventJson) })
    },
  )
}
