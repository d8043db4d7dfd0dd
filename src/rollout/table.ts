import type { Database, Listen } from '../db/database.ts'
import { createFollower } from '../db/follow.ts'
import { type AdaptiveWeights, newestWeights } from './adaptive.ts'
import { servingChannel, servingRevision } from './revision.ts'
import { type RouteVersion, routesInForce } from './routes-store.ts'
import { allRollouts, type Rollout } from './store.ts'

/** The routes that were put through the API, and every rollout, in memory: at most one poll behind the database. */
export type ServingTable = {
  routes(): readonly RouteVersion[]
  /** Of a route, oldest first. */
  rolloutsOf(route: string): readonly Rollout[]
  rollouts(): readonly Rollout[]
  /** What an adaptive route made of its weights last. */
  weightsOf(route: string): AdaptiveWeights | undefined
  start(): Promise<void>
  /** Looks for changes now. */
  refresh(): Promise<void>
  close(): Promise<void>
}

export type ServingTableOptions = {
  db: Database
  listen: Listen
  /** How stale the table may get when notifications are lost. */
  pollMs: number
  /** Called after something changed. `routes`: whether routes did, and not rollouts alone. */
  onChange: (changed: { routes: boolean }) => void
  /** Hears of failed looks; the table goes on with what it has. */
  onError: (error: unknown) => void
}

export const createServingTable = ({ db, listen, pollMs, onChange, onError }: ServingTableOptions): ServingTable => {
  let revision: number | undefined
  let routes: RouteVersion[] = []
  let rollouts: Rollout[] = []
  let byRoute = new Map<string, Rollout[]>()
  let weights = new Map<string, AdaptiveWeights>()

  const reload = async (): Promise<void> => {
    const found = await servingRevision(db)
    if (found === revision) return
    const [nextRoutes, nextRollouts, nextWeights] = [await routesInForce(db), await allRollouts(db), await newestWeights(db)]
    const key = (all: readonly RouteVersion[]) => all.map(({ name, version }) => `${name}@${version}`).join('\n')
    const changed = { routes: key(nextRoutes) !== key(routes) }
    routes = nextRoutes
    rollouts = nextRollouts
    weights = new Map(nextWeights.map((one) => [one.route, one]))
    byRoute = Map.groupBy(rollouts, ({ route }) => route)
    revision = found
    onChange(changed)
  }
  const follower = createFollower({ listen, channel: servingChannel, pollMs, reload, onError })
  return {
    routes: () => routes,
    rolloutsOf: (route) => byRoute.get(route) ?? [],
    rollouts: () => rollouts,
    weightsOf: (route) => weights.get(route),
    start: follower.start,
    refresh: follower.refresh,
    close: follower.close,
  }
}
