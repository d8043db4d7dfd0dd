import { readFile } from 'node:fs/promises'
import type { Hono } from 'hono'
import { scorersOf } from '../config/cross-check.ts'
import type { WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import { monitorRoutes } from '../http/admin/monitors.ts'
import type { Env } from '../http/context.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import type { Embedder } from '../models/embedder.ts'
import { type ActDeps, actOnAlerts } from '../monitors/act.ts'
import { createMonitorController } from '../monitors/controller.ts'
import { type Gauged, readGauged } from '../monitors/gauged.ts'
import { type GoldenDeps, replayNow, replayWhenDue } from '../monitors/golden.ts'
import type { MonitorPlan } from '../monitors/plan.ts'
import { listReplays } from '../monitors/replay-store.ts'
import { readReport, readStatus } from '../monitors/report.ts'
import { signalsOf } from '../monitors/signals.ts'
import type { RouteTable } from '../rollout/route.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { monitorPlans } from './monitor-plans.ts'
import { mostly, referenceOnWish } from './monitor-references.ts'

export type MonitorsOptions = {
  db: Database
  config: () => WeirConfig
  embedderOf: (model: string) => Embedder | undefined
  routes: () => RouteTable
  /** The path of every request, without limits: what asks itself takes nothing from a tenant. */
  answer: GoldenDeps['answer']
  holdRollout: ActDeps['holdRollout']
  runEval: ActDeps['runEval']
  metrics: Pick<Metrics, 'gauges'>
  clock: Clock
  log: Logger
}

export type Monitors = {
  mounts: Readonly<Record<string, Hono<Env>>>
  /** Looks from time to time. */
  start(): void
  /** Looks once, now. */
  tick(): Promise<void>
  close(): Promise<void>
}

/** Watches the routes that the configuration names under `monitors`, and does what it says when one drifts. */
export const createMonitors = (options: MonitorsOptions): Monitors => {
  const { db, config, routes, embedderOf, answer, holdRollout, runEval, metrics, clock, log } = options
  const wanted = () => signalsOf({ metrics: config().metrics, scorers: scorersOf(config()) })
  const plans = () => monitorPlans(config())
  let gauged: Gauged = { effects: [], alerts: [] }

  const asking: GoldenDeps = {
    ...{ db, clock, answer, embedderOf },
    readFile: (path) => readFile(path, 'utf8'),
    variantOf: (route) => mostly(routes(), route),
  }
  /** Beside the windows, which a slow model must not keep waiting. After a failure it rests. */
  const replaying = new Map<string, Promise<void>>()
  const restsUntilMs = new Map<string, number>()
  const replay = (plan: MonitorPlan, signal: AbortSignal): void => {
    const { route } = plan
    if (plan.golden === null || replaying.has(route) || clock() < (restsUntilMs.get(route) ?? 0)) return
    const done = replayWhenDue(asking, plan, signal)
      .then((ended) => {
        if (ended?.moved) log.warn({ route, similarity: ended.similarity }, 'monitor: the golden set is answered otherwise than before')
      })
      .catch((error) => {
        restsUntilMs.set(route, clock() + failedReplayRestMs)
        if (!signal.aborted) log.warn({ err: error, route }, 'the golden set could not be asked; will try again')
      })
      .finally(() => replaying.delete(route))
    replaying.set(route, done)
  }
  const controller = createMonitorController({
    db,
    clock,
    plans,
    signals: wanted,
    embedderOf,
    afterwards: async (plan, signal) => {
      await actOnAlerts({ db, clock, holdRollout, runEval }, plan, signal)
      replay(plan, signal)
    },
    afterLook: async () => {
      gauged = await readGauged(db, clock())
    },
    payloadDays: () => config().defaults.payload_days,
    tickMs: 15_000,
    onEvaluated: ({ route, variant }, { opened, resolved }) => {
      for (const signal of opened) log.warn({ route, variant, signal }, 'monitor: drift in windows in a row; an alert is open')
      for (const signal of resolved) log.info({ route, variant, signal }, 'monitor: no drift any more; the alert is resolved')
    },
    onError: (error, route) => log.warn({ err: error, route }, 'the traffic of a route could not be monitored; will try again'),
  })

  const isMonitored = ({ route }: { route: string }) => Object.hasOwn(config().monitors, route)
  metrics.gauges(
    'weir_monitor_effect',
    'Size of the change of a signal in its newest window.',
    ['route', 'variant', 'signal', 'effect'],
    () =>
      gauged.effects.filter(isMonitored).map(({ route, variant, signal, effectName, effect }) => ({
        labels: [route, variant, signal, effectName],
        value: effect,
      })),
  )
  metrics.gauges('weir_monitor_alert_open', 'Alerts that nobody has resolved.', ['route', 'variant', 'tag'], () =>
    gauged.alerts.filter(isMonitored).map(({ route, variant, tag, n }) => ({ labels: [route, variant, tag], value: n })),
  )

  const planned = (route: string): MonitorPlan => {
    const plan = plans().find((one) => one.route === route)
    if (plan === undefined) throw new AppError('not_found', `'${route}' is not under monitors in weir.yaml`, { param: 'route' })
    return plan
  }
  return {
    mounts: {
      '/admin/monitors': monitorRoutes({
        db,
        clock,
        routes: () => plans().map(({ route }) => route),
        signals: wanted,
        status: (route) => readStatus(db, planned(route).route),
        report: (route) =>
          readReport(db, planned(route).route, { wanted: wanted(), texts: planned(route).examples, metrics: config().metrics }),
        replays: (route) => listReplays(db, { route: planned(route).route, limit: 50 }),
        replay: async (route, by, signal) => {
          const ended = await replayNow(asking, planned(route), by, signal)
          if (ended === undefined)
            throw new AppError('invalid_request', `'${route}' has no golden set: name one under monitors in weir.yaml`)
          return ended
        },
        createReference: (wish, by) =>
          referenceOnWish({ db, clock, wanted: wanted(), routes: routes(), plan: planned(wish.route) }, wish, by),
      }),
    },
    start: controller.start,
    tick: controller.tick,
    close: async () => {
      await controller.close()
      await Promise.all(replaying.values())
    },
  }
}

const failedReplayRestMs = 10 * 60_000
