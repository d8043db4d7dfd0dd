import { factsOf, type ProbabilityOf } from '../answer/choose-variant.ts'
import { faultsOfRoute } from '../config/cross-check.ts'
import { configName, type RouteConfig, routeSettings, type WeirConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import type { RouteRoutesDeps } from '../http/admin/routes.ts'
import { parse } from '../http/schemas/parse.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { weightHistory } from '../rollout/adaptive.ts'
import { explainRoute } from '../rollout/explain.ts'
import type { RouteTable } from '../rollout/route.ts'
import { deleteRoute, putRoute, rollbackRoute, routeHistory, versionsOf } from '../rollout/routes-store.ts'
import type { ServingTable } from '../rollout/table.ts'
import type { Logger } from '../telemetry/log.ts'

type Parts = {
  db: Database
  clock: Clock
  table: Pick<ServingTable, 'routes'>
  config: () => WeirConfig
  written: () => WeirConfig
  routes: () => RouteTable
  probabilityOf: ProbabilityOf
  log: Logger
}

/** Routes that are put through the API beside those of the file. The file wins: what it declares, the API does not change. */
export const createApiRoutes = (parts: Parts): Omit<RouteRoutesDeps, 'performance'> & { join(config: WeirConfig): WeirConfig } => {
  const { db, clock, table, config, written, routes, probabilityOf, log } = parts
  const inFile = (name: string): boolean => Object.hasOwn(written().routes, name)

  /** Throws `conflict` for a route of the file, and `invalid_request` for the first fault, by its place in the settings. */
  const checked = (name: string, settings: unknown): RouteConfig => {
    refuseDeclared(name)
    if (!configName.safeParse(name).success)
      throw new AppError('invalid_request', `'${name}' is no name of a route: use letters, digits, and . _ - /`)
    const route = parse(routeSettings, settings)
    const [fault] = faultsOfRoute(name, route, config())
    if (fault) throw new AppError('invalid_request', said(fault), { param: 'settings' })
    return route
  }
  const refuseDeclared = (name: string): void => {
    if (inFile(name)) throw new AppError('conflict', `the route '${name}' is declared in weir.yaml: change it there`, { param: 'name' })
  }
  const versionInForce = (name: string) => table.routes().find((route) => route.name === name)

  return {
    join: (base) => {
      const added: Record<string, RouteConfig> = {}
      for (const { name, version, settings } of table.routes()) {
        const route = routeSettings.safeParse(settings)
        const fault = Object.hasOwn(base.routes, name)
          ? 'weir.yaml declares a route of this name, which wins'
          : route.success
            ? faultsOfRoute(name, route.data, base).map(said)[0]
            : 'its settings are of another version of Weir'
        if (fault === undefined && route.success) added[name] = route.data
        else log.warn({ route: name, version, fault }, 'a route that was put through the API is not served')
      }
      return { ...base, routes: { ...added, ...base.routes } }
    },
    list: () =>
      Object.keys(config().routes).flatMap((name) => {
        const route = routes().get(name)
        if (route === undefined) return []
        const source = inFile(name) ? 'file' : 'api'
        return [{ route, source, version: source === 'file' ? null : (versionInForce(name)?.version ?? null) } as const]
      }),
    get: async (name) => {
      const versions = await versionsOf(db, name)
      if (!inFile(name) && versions.length === 0) throw new AppError('not_found', `there is no route '${name}'`)
      const declared = config().routes[name]
      const settings = inFile(name) ? declared : (versionInForce(name)?.settings ?? null)
      return { route: declared ? (routes().get(name) ?? null) : null, source: inFile(name) ? 'file' : 'api', settings, versions }
    },
    put: async ({ name, settings, expectedVersion }, by) => {
      checked(name, settings)
      return putRoute(db, { name, settings, expectedVersion }, { ...by, nowMs: clock() })
    },
    remove: async (name, by) => {
      refuseDeclared(name)
      await deleteRoute(db, name, { ...by, nowMs: clock() })
    },
    rollback: async (name, version, by) => {
      refuseDeclared(name)
      return rollbackRoute(db, name, version, { ...by, nowMs: clock() })
    },
    weights: async (name, limit) => {
      const moves = await weightHistory(db, name, limit)
      if (moves.length === 0 && !routes().has(name)) throw new AppError('not_found', `there is no route '${name}'`)
      return moves
    },
    explain: async (name, { subject, text, metadata, tools }, signal) => {
      const route = routes().get(name)
      if (route === undefined) throw new AppError('not_found', `there is no route '${name}'`)
      const chat = {
        input: { kind: 'chat' as const, messages: [{ role: 'user' as const, content: text }] },
        sampling: {},
        tools: tools ? [{ name: 'tool' }] : [],
        incremental: false,
      }
      return explainRoute(route, subject, factsOf({ chat, metadata, signal }, probabilityOf))
    },
    history: async (name) => {
      const events = await routeHistory(db, name)
      if (events.length === 0 && !inFile(name)) throw new AppError('not_found', `there is no route '${name}'`)
      return events
    },
  }
}

/** A fault by its place in the settings, spelled as the edge spells those of a body. */
const said = ({ path, message }: { path: PropertyKey[]; message: string }): string => {
  const place = path.slice(2).reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
  return `${place || 'the route'}: ${message}`
}
