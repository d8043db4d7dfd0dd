import type { WeirConfig } from '../config/schema.ts'
import type { PriceTable } from '../cost/price-table.ts'
import type { RouteGuards } from '../guardrails/guarding.ts'
import type { ModelListing } from '../http/routes/models.ts'
import type { Clock } from '../lib/clock.ts'
import type { Budget } from '../limits/budgets.ts'
import type { OverlayOf } from '../rollout/overlay.ts'
import { budgetsOf } from './admission.ts'
import { createRouteGuards } from './guardrails.ts'
import { createModels, type Engines, type ModelSet } from './models.ts'
import { createPriceOf, type PriceOf } from './prices.ts'
import { type AroundVariant, createServing, type Moving, type Serving, type ServingParts } from './routes.ts'
import { createStacks, type Stacks } from './stacks.ts'

/** Everything made from one configuration; replaced as a whole, so that a request sees one configuration from start to end. */
export type Live = {
  config: WeirConfig
  models: ModelSet
  stacks: Stacks
  serving: Serving
  listing: ModelListing[]
  priceOf: PriceOf
  budgets: Budget[]
  guards: ReadonlyMap<string, RouteGuards>
}

export type LiveConfig = {
  readonly current: Live
  /** Takes a new configuration. Throws, and keeps the old one, when it cannot be built. */
  replace(config: WeirConfig): void
  /** Makes the routes anew because a label, an index or a rollout moved. */
  refreshRoutes(): void
}

export type LiveParts = {
  engines: Engines
  moving: Moving
  prices: PriceTable
  /** Puts the cache around the models of variants. */
  around: AroundVariant
  /** What rollouts change of declared routes. */
  overlayOf?: OverlayOf | undefined
  /** What the first answer of a cascade cost. */
  costOf: ServingParts['costOf']
  clock: Clock
}

export const createLiveConfig = (
  initial: WeirConfig,
  { engines, moving, prices, around, overlayOf, costOf, clock }: LiveParts,
): LiveConfig => {
  const build = (config: WeirConfig): Live => {
    const models = createModels(config, engines)
    const stacks = createStacks(config, models.chat, clock)
    const serving = createServing(config, stacks, moving, { around, overlayOf, costOf })
    const priceOf = createPriceOf(config, prices)
    const budgets = budgetsOf(config, priceOf, clock())
    const guards = createRouteGuards(config, models, stacks)
    return { config, models, stacks, serving, listing: listingOf(config, models, clock()), priceOf, budgets, guards }
  }
  let current = build(initial)
  return {
    get current() {
      return current
    },
    replace: (config) => {
      current = build(config)
    },
    refreshRoutes: () => {
      current = { ...current, serving: createServing(current.config, current.stacks, moving, { around, overlayOf, costOf }) }
    },
  }
}

const listingOf = (config: WeirConfig, models: ModelSet, createdAtMs: number): ModelListing[] => {
  const routes = Object.keys(config.routes).map((id) => ({ id, createdAtMs, ownedBy: 'weir' }))
  const left = new Set(models.withoutKey)
  const own = Object.entries(config.models)
    .filter(([id]) => !left.has(id))
    .map(([id, model]) => ({ id, createdAtMs, ownedBy: 'provider' in model ? model.provider : 'weir' }))
  return [...routes, ...own]
}
