import { and, asc, desc, eq, sql } from 'drizzle-orm'
import { tryLockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { adaptiveWeights } from '../db/schema/rollout.ts'
import { metricByVariant } from '../feedback/evidence.ts'
import type { NumberMetric } from '../feedback/metric.ts'
import type { Clock } from '../lib/clock.ts'
import { hashOf } from '../lib/hash.ts'
import { uuidv7 } from '../lib/ids.ts'
import { seededRandom } from '../lib/stats/random.ts'
import { type AdaptivePlan, adapt, type BanditArm } from './bandit.ts'
import { isFailure, iso } from './exposed.ts'
import { announceServing } from './revision.ts'
import type { Route } from './route.ts'

/** With its declared weights. */
export type AdaptiveRoute = Route & { adaptive: AdaptivePlan }

export type AdaptiveWeights = typeof adaptiveWeights.$inferSelect

export type AdapterOptions = {
  db: Database
  clock: Clock
  /** Those that may move now: none whose weights a rollout holds. */
  routes: () => readonly AdaptiveRoute[]
  onMove?: ((route: string, moved: Pick<AdaptiveWeights, 'weights' | 'stopped'>) => void) | undefined
}

/** Of the declaration that weights were learned for: another variant, weight or metric is learned anew. */
export const basisOf = ({ variants, adaptive }: AdaptiveRoute): string =>
  hashOf({ variants: variants.map(({ name, hash, weightPercent }) => [name, hash, weightPercent]), metric: adaptive.metric.name })

/**
 * One look at every adaptive route: those whose last move is old enough move again. Among replicas one looks at a time, and what it decided
 * is one row, so a killed one leaves nothing half done.
 */
export const createAdapter =
  ({ db, clock, routes, onMove }: AdapterOptions) =>
  async (): Promise<void> => {
    if (routes().length === 0) return
    await tryLockedTransaction(db, 'adaptive-weights', async (tx) => {
      for (const route of routes()) {
        const moved = await move(tx, route, clock())
        if (moved) onMove?.(route.name, moved)
      }
    })
  }

const move = async (tx: Database, route: AdaptiveRoute, nowMs: number): Promise<AdaptiveWeights | undefined> => {
  const { metric, everyMs, windowMs, settleMs } = route.adaptive
  const basis = basisOf(route)
  const [first, last] = [await moveOf(tx, route.name, basis, 'first'), await moveOf(tx, route.name, basis, 'last')]
  if (last === undefined || first === undefined) {
    const weights = Object.fromEntries(route.variants.map(({ name, weightPercent }) => [name, weightPercent]))
    return append(tx, { route: route.name, basis, weights, stopped: [], evidence: { began: true }, atMs: nowMs })
  }
  if (nowMs - last.atMs < everyMs) return undefined
  const window = { route: route.name, fromMs: Math.max(first.atMs, nowMs - windowMs), toMs: nowMs - settleMs }
  if (window.toMs <= window.fromMs) return undefined
  const arms = await readArms(tx, window, metric, last)
  const { weights, chances, stopped } = adapt(arms, route.adaptive, seededRandom(last.seq))
  const evidence = { chances, stopped, arms: arms.map(({ variant, value, failed }) => ({ variant, value, failed })) }
  return append(tx, {
    route: route.name,
    basis,
    weights,
    stopped: [...last.stopped, ...stopped.map(({ variant }) => variant)],
    evidence,
    atMs: nowMs,
  })
}

const append = async (tx: Database, row: Omit<AdaptiveWeights, 'id' | 'seq'>): Promise<AdaptiveWeights> => {
  const [added] = await tx
    .insert(adaptiveWeights)
    .values({ id: uuidv7(), ...row })
    .returning()
  if (added === undefined) throw new Error('an insert returned nothing')
  await announceServing(tx)
  return added
}

const readArms = async (
  db: Database,
  window: { route: string; fromMs: number; toMs: number },
  metric: NumberMetric & { name: string },
  { weights }: AdaptiveWeights,
): Promise<BanditArm[]> => {
  const values = await metricByVariant(db, window, metric)
  const failures = await failuresByVariant(db, window)
  return Object.entries(weights).map(([variant, weightPercent]) => {
    const value = values.find((one) => one.variant === variant)
    const failed = failures.find((one) => one.variant === variant)
    return {
      variant,
      weightPercent,
      value: { n: value?.n ?? 0, mean: value?.mean ?? 0, variance: value?.variance ?? 0, binary: value?.binary ?? false },
      failed: { successes: failed?.failed ?? 0, trials: failed?.subjects ?? 0 },
    }
  })
}

/** Subjects that were dealt to each variant, and those of them that met a failure of it. Answers from the cache tell of nobody's quality. */
const failuresByVariant = (db: Database, { route, fromMs, toMs }: { route: string; fromMs: number; toMs: number }) =>
  db.execute<{ variant: string; subjects: number; failed: number }>(sql`
    select variant, count(*)::int as subjects, (count(*) filter (where failed))::int as failed
    from (
      select t.variant, bool_or(${isFailure(sql`t`)}) as failed from traces t
      where t.route = ${route} and t.purpose = 'live' and t.rule is null and t.arm is null and t.variant is not null
        and coalesce(t.cache, '') not in ('hit', 'stale') and t.status <> 'aborted'
        and t.started_at >= ${iso(fromMs)}::timestamptz and t.started_at < ${iso(toMs)}::timestamptz
      group by t.variant, t.tenant, coalesce(t.subject, t.id::text)
    ) as units group by variant`)

const moveOf = async (db: Database, route: string, basis: string, which: 'first' | 'last'): Promise<AdaptiveWeights | undefined> => {
  const [found] = await db
    .select()
    .from(adaptiveWeights)
    .where(and(eq(adaptiveWeights.route, route), eq(adaptiveWeights.basis, basis)))
    .orderBy((which === 'first' ? asc : desc)(adaptiveWeights.seq))
    .limit(1)
  return found
}

/** The newest of every route. */
export const newestWeights = (db: Database): Promise<AdaptiveWeights[]> =>
  db.selectDistinctOn([adaptiveWeights.route]).from(adaptiveWeights).orderBy(adaptiveWeights.route, desc(adaptiveWeights.seq))

/** Newest first. */
export const weightHistory = (db: Database, route: string, limit: number): Promise<AdaptiveWeights[]> =>
  db.select().from(adaptiveWeights).where(eq(adaptiveWeights.route, route)).orderBy(desc(adaptiveWeights.seq)).limit(limit)
