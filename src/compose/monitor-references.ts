import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import type { MonitorPlan } from '../monitors/plan.ts'
import { createReference, lastRequests, type Reference } from '../monitors/reference.ts'
import type { Signal } from '../monitors/signal.ts'
import { isUnread } from '../monitors/windows.ts'
import type { RouteTable, Variant } from '../rollout/route.ts'

type Parts = { db: Database; clock: Clock; wanted: readonly Signal[]; routes: RouteTable; plan: MonitorPlan }
type Wish = { route: string; variant: string | undefined; fromMs: number | undefined; toMs: number | undefined; last: number | undefined }

/** A reference of a variant as it is now. Throws `not_found` for an unknown variant, `conflict` while its traffic is still being read. */
export const referenceOnWish = async (
  { db, clock, wanted, routes, plan }: Parts,
  { route, variant: named, fromMs, toMs, last }: Wish,
  by: { actor: string; reason: string },
): Promise<Reference> => {
  const { name: variant, hash: variantHash } = variantOf(routes, route, named)
  const stretch =
    last === undefined
      ? { fromMs: Math.floor((fromMs ?? 0) / minuteMs) * minuteMs, toMs: Math.ceil((toMs ?? clock()) / minuteMs) * minuteMs }
      : await lastRequests(db, route, variantHash, last)
  if ((await isUnread(db, { route, variantHash, ...stretch })).samples) {
    throw new AppError('conflict', 'some of these requests are still being read: try again in a minute')
  }
  return createReference(db, wanted, { route, variant, variantHash, ...stretch, ...by, perHour: plan.likeHours, nowMs: clock() })
}

/** The variant that most subjects of a route get. */
export const mostly = (routes: RouteTable, route: string): Variant | undefined =>
  routes.get(route)?.variants.reduce((most, one) => (one.weightPercent > most.weightPercent ? one : most))

const variantOf = (routes: RouteTable, route: string, named: string | undefined): Variant => {
  const variant =
    named === undefined ? mostly(routes, route) : routes.get(route)?.variants.find(({ name, hash }) => name === named || hash === named)
  if (variant) return variant
  throw new AppError('not_found', `'${route}' has no variant${named === undefined ? '' : ` '${named}'`}`, { param: 'variant' })
}

const minuteMs = 60_000
