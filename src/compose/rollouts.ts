import type { Hono } from 'hono'
import type { ProbabilityOf } from '../answer/choose-variant.ts'
import { postgresStore } from '../cache/postgres.ts'
import type { WeirConfig } from '../config/schema.ts'
import type { Database, DatabaseHandle } from '../db/database.ts'
import { performanceRoutes } from '../http/admin/performance.ts'
import { rolloutRoutes } from '../http/admin/rollouts.ts'
import { routeRoutes } from '../http/admin/routes.ts'
import type { Env } from '../http/context.ts'
import type { Clock } from '../lib/clock.ts'
import { createActions, type DropAnswers, type Gate } from '../rollout/actions.ts'
import type { RolloutEvidence } from '../rollout/assess.ts'
import { changedCheck, createController } from '../rollout/controller.ts'
import { decide, type RolloutStatus } from '../rollout/decide.ts'
import { readEvidence } from '../rollout/evidence.ts'
import type { OverlayOf } from '../rollout/overlay.ts'
import { overlayOfRollouts } from '../rollout/overlays.ts'
import type { RouteTable, Variant } from '../rollout/route.ts'
import { eventsOf, findRollout, liveStatuses, type Rollout, type RolloutEvent } from '../rollout/store.ts'
import { createServingTable } from '../rollout/table.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createAdaptive } from './adaptive.ts'
import { createApiRoutes } from './api-routes.ts'
import { planOf, planSchema, prepareRollout, wantedRollouts } from './rollout-plan.ts'
import { controlNamespace } from './routes.ts'

export type Rollouts = {
  mounts: Readonly<Record<string, Hono<Env>>>
  overlayOf: OverlayOf
  /** The configuration with the routes that were put through the API. */
  join(config: WeirConfig): WeirConfig
  /** Holds the rollout that a route has under way; says what was held, or that there is none. */
  hold(route: string, by: { actor: string; reason: string }): Promise<string>
  start(): Promise<void>
  close(): Promise<void>
}

export type RolloutsOptions = {
  database: DatabaseHandle
  /** In force, with everything joined. */
  config: () => WeirConfig
  /** As written in the file. */
  written: () => WeirConfig
  routes: () => RouteTable
  /** Whether a variant has a model: the key of its host may be missing. */
  serves: (variant: Variant) => boolean
  /** Routes were put or removed: the configuration has to be joined anew. */
  onRoutes: () => void
  /** A rollout moved: routes have to be made anew. */
  onRollouts: () => void
  probabilityOf: ProbabilityOf
  /** Whether a candidate may be rolled out. */
  gate?: Gate | undefined
  /** Whether this process moves rollouts on. */
  serving: boolean
  metrics: Pick<Metrics, 'gauge'>
  clock: Clock
  log: Logger
}

const noGate: Gate = async () => ({ ok: true, reason: 'no suite is named as a gate' })

/** Routes by API, and rollouts: what is stored of them, who moves them, and what they make of the routes in force. */
export const createRollouts = (options: RolloutsOptions): Rollouts => {
  const {
    database,
    config,
    written,
    routes,
    serves,
    onRoutes,
    onRollouts,
    gate = noGate,
    probabilityOf,
    serving,
    metrics,
    clock,
    log,
  } = options
  const { db, listen } = database
  const table = createServingTable({
    db,
    listen,
    pollMs: 1_000,
    onChange: (changed) => (changed.routes ? onRoutes() : onRollouts()),
    onError: (error) => log.warn({ err: error }, 'routes and rollouts could not be read again'),
  })
  const adaptive = createAdaptive({
    db,
    table,
    ofRollouts: (declared) => overlayOfRollouts(declared, table.rolloutsOf(declared.name)),
    clock,
    log,
  })
  const apiRoutes = createApiRoutes({ db, clock, table, config, written, routes, probabilityOf, log })
  const hashNow = (route: string, variant: string) =>
    routes()
      .get(route)
      ?.variants.find(({ name }) => name === variant)?.hash

  const drop: DropAnswers = async (tx, { id, route, candidate, candidateHash, stable, stableHash }, which) => {
    const store = postgresStore({ db: tx, clock })
    const [name, hash] = which === 'candidate' ? [candidate, candidateHash] : [stable, stableHash]
    const control = controlNamespace({ control: { hash: stableHash }, seed: id })
    for (const namespace of new Set([hash, hashNow(route, name) ?? hash, control])) await store.drop(namespace)
  }

  /** Where answers are cached, or a third variant has subjects, only the control was treated as the candidate is. */
  const everyone = ({ route, candidate, stable }: Rollout): boolean => {
    const { routes: declared, defaults } = config()
    const others =
      routes()
        .get(route)
        ?.variants.filter(({ name, weightPercent }) => weightPercent > 0 && name !== candidate) ?? []
    return (declared[route]?.cache ?? defaults.cache) === undefined && others.every(({ name }) => name === stable)
  }
  const evidenceOf = (tx: Database, rollout: Rollout, events: readonly RolloutEvent[]): Promise<RolloutEvidence> =>
    readEvidence(tx, { rollout, events, declared: config().metrics, everyone: everyone(rollout) })

  const status = async (idOrRoute: string) => {
    const rollout = await findRollout(db, idOrRoute)
    const events = await eventsOf(db, rollout.id)
    const evidence = await evidenceOf(db, rollout, events)
    const next = decide(rollout.plan, rollout, evidence, clock())
    if (rollout.status !== 'pending') return { rollout, events, evidence, next }
    const { reason } = await gate(rollout.route, rollout.candidateHash)
    return { rollout, events, evidence, next: { ...next, reason: `waits for its gate: ${reason}` } }
  }
  const causesOf = async (rollout: Rollout): Promise<string[]> => {
    const { next } = await status(rollout.id)
    const worse = next.findings.flatMap(({ name, role, verdict }) => (role === 'signal' && verdict === 'worse' ? [name] : []))
    return hashNow(rollout.route, rollout.candidate) === rollout.candidateHash ? worse : [...worse, changedCheck]
  }
  const actions = createActions({ db, clock, gate, drop, causesOf })
  const controller = createController({
    db,
    clock,
    busy: () => table.rollouts().some(({ status }) => (liveStatuses as readonly string[]).includes(status)),
    wanted: () => wantedRollouts(config(), routes(), table.rolloutsOf, serves),
    evidenceOf,
    hashNow,
    gate,
    drop,
    actor: 'controller',
    tickMs: 1_000,
    onDecision: ({ route, candidate }, { kind, reason }) =>
      log[kind === 'rollback' || kind === 'hold' ? 'warn' : 'info']({ route, candidate, reason }, `rollout: ${kind}`),
    onError: (error) => log.warn({ err: error }, 'rollouts could not be looked after'),
  })

  const count = (...statuses: RolloutStatus[]) => table.rollouts().filter(({ status }) => statuses.includes(status)).length
  metrics.gauge('weir_rollouts_running', 'Rollouts that go on by themselves.', () => count('running'))
  metrics.gauge('weir_rollouts_waiting', 'Rollouts that wait for a person: held, at a manual gate, or not let in.', () =>
    count('held', 'awaiting_approval', 'pending'),
  )
  metrics.gauge('weir_rollouts_rolled_back', 'Rollouts that ended with the stable variant.', () => count('rolled_back'))

  /** Those who change something see it in force when they are answered. */
  const then =
    <Arguments extends unknown[], Result>(act: (...given: Arguments) => Promise<Result>) =>
    async (...given: Arguments): Promise<Result> => {
      const result = await act(...given)
      await table.refresh()
      return result
    }

  return {
    mounts: {
      '/admin/routes': routeRoutes({
        ...apiRoutes,
        performance: performanceRoutes({ db, metrics: () => config().metrics }),
        put: then(apiRoutes.put),
        remove: then(apiRoutes.remove),
        rollback: then(apiRoutes.rollback),
      }),
      '/admin/rollouts': rolloutRoutes({
        list: table.rollouts,
        status,
        events: async (idOrRoute) => eventsOf(db, (await findRollout(db, idOrRoute)).id),
        prepare: (wish, actor) => prepareRollout(config(), routes(), wish, actor, serves),
        planOf: (route, plan) => planOf(config(), route, plan),
        planSchema,
        actions: {
          start: then(actions.start),
          approve: then(actions.approve),
          hold: then(actions.hold),
          resume: then(actions.resume),
          promote: then(actions.promote),
          rollback: then(actions.rollback),
          abort: then(actions.abort),
        },
      }),
    },
    overlayOf: adaptive.overlayOf,
    join: apiRoutes.join,
    hold: async (route, by) => {
      const running = table
        .rollouts()
        .find((rollout) => rollout.route === route && (liveStatuses as readonly string[]).includes(rollout.status))
      if (running === undefined) return 'no rollout is under way'
      if (running.status === 'held' || running.status === 'pending')
        return `the rollout of '${running.candidate}' is ${running.status} already`
      await then(actions.hold)(running.id, by)
      return `held the rollout of '${running.candidate}'`
    },
    start: async () => {
      await table.start()
      if (!serving) return
      controller.start()
      adaptive.start()
    },
    close: async () => {
      await adaptive.close()
      await controller.close()
      await table.close()
    },
  }
}
