import { and, asc, desc, eq, inArray, or } from 'drizzle-orm'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { rolloutEvents, rollouts } from '../db/schema/rollout.ts'
import { isUniqueViolation } from '../db/sql-state.ts'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import { isUuid, uuidv7 } from '../lib/ids.ts'
import type { RolloutState, RolloutStatus } from './decide.ts'
import type { RolloutPlan } from './plan.ts'
import { announceServing } from './revision.ts'

export type Rollout = Omit<typeof rollouts.$inferSelect, 'plan'> & RolloutState & { plan: RolloutPlan }
export type RolloutEvent = typeof rolloutEvents.$inferSelect

export type NewRollout = Pick<
  Rollout,
  'route' | 'candidate' | 'candidateHash' | 'stable' | 'stableHash' | 'declaredWeights' | 'plan' | 'createdBy'
>

export const liveStatuses = ['pending', 'running', 'held', 'awaiting_approval'] as const satisfies RolloutStatus[]

export type RolloutEventKind =
  | 'create'
  | 'start'
  | 'advance'
  | 'await_approval'
  | 'approve'
  | 'hold'
  | 'resume'
  | 'promote'
  | 'rollback'
  | 'abort'

/** Who moves a rollout, and why. `override`: against a gate, or without waiting for the evidence. */
export type Move = {
  kind: RolloutEventKind
  to: Partial<Pick<Rollout, 'status' | 'step' | 'stepSinceMs' | 'accepted' | 'disabled'>>
  actor: string
  reason: string
  override?: boolean
  evidence?: unknown
  nowMs: number
}

/** Stores a pending rollout. Throws `conflict` when the route has one under way. */
export const createRollout = async (tx: Database, rollout: NewRollout, why: { reason: string; nowMs: number }): Promise<Rollout> => {
  const { nowMs, reason } = why
  const values = { ...rollout, id: uuidv7(), createdAtMs: nowMs, status: 'pending', step: 0, stepSinceMs: nowMs } as const
  const [created] = await tx
    .insert(rollouts)
    .values(values)
    .returning()
    .catch((error) => {
      if (!isUniqueViolation(error)) throw error
      throw new AppError('conflict', `a rollout of '${rollout.route}' is under way: end it first`, { param: 'route', cause: error })
    })
  if (created === undefined) throw new Error('an insert returned nothing')
  await append(tx, created as Rollout, null, { kind: 'create', to: {}, actor: rollout.createdBy, reason, nowMs })
  return created as Rollout
}

/** Moves a rollout that still is as `from` says, with one event. Throws `conflict` when it is not. */
export const moveRollout = async (tx: Database, from: Rollout, move: Move): Promise<Rollout> => {
  const [moved] = await tx
    .update(rollouts)
    .set(move.to)
    .where(and(eq(rollouts.id, from.id), eq(rollouts.status, from.status), eq(rollouts.step, from.step)))
    .returning()
  if (moved === undefined) throw new AppError('conflict', 'the rollout has moved meanwhile: look again and repeat')
  await append(tx, moved as Rollout, from, move)
  return moved as Rollout
}

const append = async (tx: Database, now: Rollout, before: Rollout | null, move: Move): Promise<void> => {
  const { kind, actor, reason, override = false, evidence = null, nowMs } = move
  await tx.insert(rolloutEvents).values({
    ...{ id: uuidv7(), rolloutId: now.id, kind, actor, reason, override, evidence, atMs: nowMs },
    ...{ fromStatus: before?.status ?? null, toStatus: now.status, fromStep: before?.step ?? null, toStep: now.step },
  })
  await appendAuditEvent(tx, {
    ...{ atMs: nowMs, actor, action: `rollout.${kind}`, target: `route/${now.route}/rollout/${now.id}`, reason },
    beforeHash: before && hashOf(stateOf(before)),
    afterHash: hashOf(stateOf(now)),
  })
  await announceServing(tx)
}

const stateOf = ({ status, step, stepSinceMs, accepted, disabled }: Rollout) => ({ status, step, stepSinceMs, accepted, disabled })

/** Oldest first. */
export const allRollouts = async (db: Database): Promise<Rollout[]> =>
  (await db.select().from(rollouts).orderBy(asc(rollouts.seq))) as Rollout[]

/** Those under way, oldest first. */
export const liveRollouts = async (db: Database): Promise<Rollout[]> =>
  (await db
    .select()
    .from(rollouts)
    .where(inArray(rollouts.status, [...liveStatuses]))
    .orderBy(asc(rollouts.seq))) as Rollout[]

/** Whether the route has a rollout under way, or had one of the same variant. */
export const wasTried = async (db: Database, { route, candidateHash }: Pick<Rollout, 'route' | 'candidateHash'>): Promise<boolean> => {
  const underWayOrSame = or(inArray(rollouts.status, [...liveStatuses]), eq(rollouts.candidateHash, candidateHash))
  return (
    (
      await db
        .select({ id: rollouts.id })
        .from(rollouts)
        .where(and(eq(rollouts.route, route), underWayOrSame))
        .limit(1)
    ).length > 0
  )
}

/** By id, or the newest of a route. Throws `not_found`. */
export const findRollout = async (db: Database, idOrRoute: string): Promise<Rollout> => {
  const [found] = await db
    .select()
    .from(rollouts)
    .where(or(eq(rollouts.route, idOrRoute), isUuid(idOrRoute) ? eq(rollouts.id, idOrRoute) : undefined))
    .orderBy(desc(rollouts.seq))
    .limit(1)
  if (found === undefined) throw new AppError('not_found', `there is no rollout '${idOrRoute}', and no rollout of a route of that name`)
  return found as Rollout
}

/** Oldest first. */
export const eventsOf = (db: Database, rolloutId: string): Promise<RolloutEvent[]> =>
  db.select().from(rolloutEvents).where(eq(rolloutEvents.rolloutId, rolloutId)).orderBy(asc(rolloutEvents.seq))
