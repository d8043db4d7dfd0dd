import { tryLockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { rest } from '../lib/pause.ts'
import { apply, begin, type DropAnswers, type Gate, rolloutLock } from './actions.ts'
import type { RolloutEvidence } from './assess.ts'
import { type Decision, decide } from './decide.ts'
import { createRollout, eventsOf, liveRollouts, type Move, type NewRollout, type Rollout, type RolloutEvent, wasTried } from './store.ts'

export type ControllerOptions = {
  db: Database
  clock: Clock
  /** Whether there may be something to do: told from memory, so that a server without rollouts asks the database nothing. */
  busy: () => boolean
  /** Rollouts that the configuration wants started, and of which there was none yet. */
  wanted: () => readonly NewRollout[]
  evidenceOf: (tx: Database, rollout: Rollout, events: readonly RolloutEvent[]) => Promise<RolloutEvidence>
  /** The variant's hash of now; undefined when the route has no such variant. */
  hashNow: (route: string, variant: string) => string | undefined
  gate: Gate
  drop: DropAnswers
  /** Recorded as who acted, such as `controller`. */
  actor: string
  /** Between two looks; more when a look takes long. */
  tickMs: number
  onDecision?: ((rollout: Rollout, decision: Pick<Decision, 'kind' | 'reason'>) => void) | undefined
  onError: (error: unknown) => void
}

export type Controller = { start(): void; tick(): Promise<void>; close(): Promise<void> }

/**
 * Moves rollouts on, and back. Every replica runs one; whichever holds the advisory lock looks and acts, in one transaction, so what it
 * decided and what it did are never apart, and a killed one leaves nothing half done: the lock goes with its connection.
 */
export const createController = (options: ControllerOptions): Controller => {
  const { db, clock, busy, wanted, evidenceOf, hashNow, gate, drop, actor, tickMs, onDecision, onError } = options
  const stopped = new AbortController()
  let running: Promise<void> | undefined

  /** Asked before the transaction, which must hold no call to anything else. */
  const openGates = async (): Promise<Map<string, string>> => {
    const open = new Map<string, string>()
    for (const { id, route, candidateHash, status } of await liveRollouts(db)) {
      if (status !== 'pending') continue
      const { ok, reason } = await gate(route, candidateHash)
      if (ok) open.set(id, reason)
    }
    return open
  }

  const act = async (tx: Database, rollout: Rollout, open: ReadonlyMap<string, string>): Promise<void> => {
    const nowMs = clock()
    if (rollout.status === 'pending') {
      const reason = open.get(rollout.id)
      if (reason !== undefined) await begin(tx, rollout, { actor, reason, nowMs })
      return
    }
    const evidence = await evidenceOf(tx, rollout, await eventsOf(tx, rollout.id))
    const decision = unchanged(rollout, hashNow) ?? decide(rollout.plan, rollout, evidence, nowMs)
    const to = stateAfter(decision.kind, rollout, nowMs)
    if (decision.kind === 'wait' || to === undefined) return
    const { reason, causes, findings } = decision
    await apply(tx, rollout, { kind: decision.kind, to, actor, reason, evidence: { causes, findings, ...figures(evidence) }, nowMs }, drop)
    onDecision?.(rollout, decision)
  }

  const look = async (): Promise<void> => {
    if (!busy() && wanted().length === 0) return
    const open = await openGates()
    await tryLockedTransaction(db, rolloutLock, async (tx) => {
      for (const rollout of wanted()) {
        // Another replica may have been first, and memory may not know yet.
        if (await wasTried(tx, rollout)) continue
        await createRollout(tx, rollout, { reason: 'the configuration asks for it (start: auto)', nowMs: clock() })
      }
      for (const rollout of await liveRollouts(tx)) await act(tx, rollout, open)
    })
  }

  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const started = performance.now()
      await look().catch(onError)
      // A look at much traffic must not become the traffic.
      const restMs = Math.max(tickMs, (performance.now() - started) * 10)
      await rest(restMs, stopped.signal)
    }
  }

  return {
    start: () => {
      running ??= loop()
    },
    tick: look,
    close: async () => {
      stopped.abort()
      await running
    },
  }
}

/** A rollout whose candidate became another variant meanwhile would mix the evidence of two. */
const unchanged = (rollout: Rollout, hashNow: ControllerOptions['hashNow']): Decision | undefined => {
  const { route, candidate, candidateHash, accepted, status } = rollout
  const now = hashNow(route, candidate)
  if (now === candidateHash || accepted.includes(changedCheck) || status === 'held') return undefined
  const reason =
    now === undefined
      ? `'${route}' has no variant '${candidate}' any more: abort, or declare it again and resume`
      : `'${candidate}' is not the variant that the rollout began with (${candidateHash.slice(0, 12)}, now ${now.slice(0, 12)}): abort and start anew`
  return { kind: 'hold', reason, causes: [changedCheck], findings: [] }
}

export const changedCheck = 'candidate_changed'

const stateAfter = (kind: Decision['kind'], { step }: Rollout, nowMs: number): Move['to'] | undefined => {
  switch (kind) {
    case 'wait':
      return undefined
    case 'advance':
      return { step: step + 1, stepSinceMs: nowMs }
    case 'await_approval':
      return { status: 'awaiting_approval' }
    case 'hold':
      return { status: 'held' }
    case 'promote':
      return { status: 'promoted' }
    case 'rollback':
      return { status: 'rolled_back', disabled: true }
  }
}

/** As much of the evidence as an event keeps. */
export const figures = ({ subjects, events, means }: RolloutEvidence) => ({
  subjects,
  events: events.map(({ name, process, counts, kinds }) => ({ name, e: process.e, max_e: process.maxE, counts, kinds })),
  means,
})
