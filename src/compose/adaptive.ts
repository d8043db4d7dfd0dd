import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { rest } from '../lib/pause.ts'
import { type AdaptiveRoute, basisOf, createAdapter } from '../rollout/adaptive.ts'
import type { OverlayOf } from '../rollout/overlay.ts'
import type { Route } from '../rollout/route.ts'
import type { ServingTable } from '../rollout/table.ts'
import type { Logger } from '../telemetry/log.ts'

export type AdaptiveOptions = {
  db: Database
  table: Pick<ServingTable, 'weightsOf'>
  /** What rollouts make of a route: where they set weights, nothing else does. */
  ofRollouts: OverlayOf
  clock: Clock
  log: Logger
}

export type Adaptive = {
  overlayOf: OverlayOf
  /** Looks once a second whether a route is due. */
  start(): void
  close(): Promise<void>
}

/** Routes whose weights follow a metric. */
export const createAdaptive = ({ db, table, ofRollouts, clock, log }: AdaptiveOptions): Adaptive => {
  const declaredRoutes = new Map<string, Route>()
  const stopped = new AbortController()
  let running: Promise<void> | undefined

  const isFree = (declared: Route): declared is AdaptiveRoute =>
    declared.adaptive !== undefined && ofRollouts(declared)?.weights === undefined
  const learned = (route: AdaptiveRoute) => {
    const last = table.weightsOf(route.name)
    return last?.basis === basisOf(route) ? last : undefined
  }
  const look = createAdapter({
    db,
    clock,
    routes: () =>
      [...declaredRoutes.values()]
        .filter(isFree)
        .filter((route) => clock() - (learned(route)?.atMs ?? Number.NEGATIVE_INFINITY) >= route.adaptive.everyMs),
    onMove: (route, { weights, stopped: out }) => log.info({ route, weights, stopped: out }, 'an adaptive route moved its weights'),
  })
  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await look().catch((error) => log.warn({ err: error }, 'adaptive routes could not be looked after'))
      await rest(1_000, stopped.signal)
    }
  }

  return {
    overlayOf: (declared) => {
      declaredRoutes.set(declared.name, declared)
      const overlay = ofRollouts(declared)
      const weights = isFree(declared) ? learned(declared)?.weights : undefined
      return weights ? { ...overlay, weights: new Map(Object.entries(weights)) } : overlay
    },
    start: () => {
      running ??= loop()
    },
    close: async () => {
      stopped.abort()
      await running
    },
  }
}
