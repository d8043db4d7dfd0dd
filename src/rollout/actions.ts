import { lockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { isOver, type RolloutStatus } from './decide.ts'
import { createRollout, findRollout, type Move, moveRollout, type NewRollout, type Rollout } from './store.ts'

/** Forgets the answers of a variant within the transaction, so that neither the move nor the drop happens alone. */
export type DropAnswers = (tx: Database, rollout: Rollout, which: 'candidate' | 'stable') => Promise<void>

/** Whether a variant may be rolled out, such as that it passed a suite. */
export type Gate = (route: string, variantHash: string) => Promise<{ ok: boolean; reason: string }>

export type By = { actor: string; reason: string }

/** What people do with rollouts. `rollout`: an id, or a route for its newest. Each throws `not_found`, and `conflict` in a wrong state. */
export type RolloutActions = {
  /** `overrideGate`: starts at once although the gate does not let it. */
  start(rollout: NewRollout, by: By, options: { overrideGate: boolean }): Promise<Rollout>
  /** Passes a step whose gate is manual. */
  approve(rollout: string, by: By): Promise<Rollout>
  /** Stays at its weight until it is resumed; guardrails go on. */
  hold(rollout: string, by: By): Promise<Rollout>
  /** Goes on with its step from the beginning; what held it is accepted and holds no more. */
  resume(rollout: string, by: By): Promise<Rollout>
  /** Serves the candidate to everybody now, whatever the evidence. */
  promote(rollout: string, by: By): Promise<Rollout>
  /** Serves the stable variant to everybody and disables the candidate; also after a promotion. */
  rollback(rollout: string, by: By): Promise<Rollout>
  /** Serves the stable variant to everybody, with no verdict on the candidate. */
  abort(rollout: string, by: By): Promise<Rollout>
}

export const createActions = (deps: { db: Database; clock: Clock; gate: Gate; drop: DropAnswers; causesOf: CausesOf }): RolloutActions => {
  const { db, clock, gate, drop, causesOf } = deps
  const act = (
    idOrRoute: string,
    allowed: readonly RolloutStatus[],
    kind: Move['kind'],
    by: By,
    move: (rollout: Rollout) => Partial<Move>,
  ) =>
    inTurn(db, async (tx) => {
      const rollout = await findRollout(tx, idOrRoute)
      if (!allowed.includes(rollout.status)) {
        throw new AppError('conflict', `the rollout of '${rollout.route}' is ${words(rollout.status)}, so it cannot be ${done[kind]}`)
      }
      return apply(tx, rollout, { kind, to: {}, ...by, nowMs: clock(), ...move(rollout) }, drop)
    })

  return {
    start: async (rollout, by, { overrideGate }) => {
      const { ok, reason } = await gate(rollout.route, rollout.candidateHash)
      return inTurn(db, async (tx) => {
        const created = await createRollout(tx, rollout, { reason: by.reason, nowMs: clock() })
        if (!ok && !overrideGate) return created
        const why = ok ? reason : `${by.reason} (against the gate: ${reason})`
        return begin(tx, created, { actor: by.actor, reason: why, override: !ok, nowMs: clock() })
      })
    },
    approve: (rollout, by) =>
      act(rollout, ['awaiting_approval'], 'approve', by, ({ plan, step }) =>
        step === plan.steps.length - 1
          ? { kind: 'promote', to: { status: 'promoted' } }
          : { to: { status: 'running', step: step + 1, stepSinceMs: clock() } },
      ),
    hold: (rollout, by) => act(rollout, ['running', 'awaiting_approval'], 'hold', by, () => ({ to: { status: 'held' } })),
    resume: async (rollout, by) => {
      const found = await findRollout(db, rollout)
      const causes = found.status === 'held' ? await causesOf(found) : []
      return act(rollout, ['held'], 'resume', by, ({ accepted }) => ({
        to: { status: 'running', stepSinceMs: clock(), accepted: [...new Set([...accepted, ...causes])] },
        ...(causes.length > 0 ? { override: true, evidence: { accepted: causes } } : {}),
      }))
    },
    promote: (rollout, by) => act(rollout, notOver, 'promote', by, () => ({ to: { status: 'promoted' }, override: true })),
    rollback: (rollout, by) =>
      act(rollout, [...notOver, 'promoted'], 'rollback', by, () => ({ to: { status: 'rolled_back', disabled: true } })),
    abort: (rollout, by) => act(rollout, notOver, 'abort', by, () => ({ to: { status: 'rolled_back' } })),
  }
}

/** Names of the signals that hold a rollout at present. */
export type CausesOf = (rollout: Rollout) => Promise<readonly string[]>

/** People and controllers take turns, over all replicas. */
export const inTurn = <T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> => lockedTransaction(db, rolloutLock, work)
export const rolloutLock = 'rollouts'

/** The first step of a pending rollout. */
export const begin = (tx: Database, rollout: Rollout, move: Omit<Move, 'kind' | 'to'>): Promise<Rollout> =>
  moveRollout(tx, rollout, { ...move, kind: 'start', to: { status: 'running', stepSinceMs: move.nowMs } })

/** Moves a rollout, and forgets the answers of the variant that it takes out of service. */
export const apply = async (tx: Database, rollout: Rollout, move: Move, drop: DropAnswers): Promise<Rollout> => {
  const moved = await moveRollout(tx, rollout, move)
  if (moved.status === 'rolled_back') await drop(tx, moved, 'candidate')
  if (moved.status === 'promoted') await drop(tx, moved, 'stable')
  return moved
}

const notOver: readonly RolloutStatus[] = ['pending', 'running', 'held', 'awaiting_approval']
const done: Record<Move['kind'], string> = {
  create: 'made',
  start: 'started',
  advance: 'advanced',
  await_approval: 'put to approval',
  approve: 'approved',
  hold: 'held',
  resume: 'resumed',
  promote: 'promoted',
  rollback: 'rolled back',
  abort: 'aborted',
}
const words = (status: RolloutStatus): string => (isOver(status) ? `${status.replace('_', ' ')} already` : status.replace('_', ' '))
