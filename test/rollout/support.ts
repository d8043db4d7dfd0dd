import type { Database } from '../../src/db/database.ts'
import type { Metrics } from '../../src/feedback/metric.ts'
import { createActions, type Gate } from '../../src/rollout/actions.ts'
import { type ControllerOptions, createController } from '../../src/rollout/controller.ts'
import { readEvidence } from '../../src/rollout/evidence.ts'
import { plannedMetrics, type RolloutPlan, type RolloutStep } from '../../src/rollout/plan.ts'
import type { NewRollout } from '../../src/rollout/store.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { aTrace } from '../support/trace.ts'

export const hashes = { stable: 'a'.repeat(64), next: 'b'.repeat(64) }

export const step = (changes: Partial<RolloutStep> = {}): RolloutStep => ({
  mode: 'canary',
  weightPercent: 10,
  minDurationMs: 0,
  maxDurationMs: 3_600_000,
  minSamples: 100,
  gate: 'auto',
  onInconclusive: 'hold',
  ...changes,
})

export const planOf = (steps: RolloutStep[], metrics: Metrics = {}): RolloutPlan => ({
  alpha: 0.05,
  failureMargin: 0.05,
  rescue: true,
  metrics: plannedMetrics(metrics, {}),
  steps,
})

export const wish = (plan: RolloutPlan, changes: Partial<NewRollout> = {}): NewRollout => ({
  route: 'support',
  candidate: 'next',
  candidateHash: hashes.next,
  stable: 'stable',
  stableHash: hashes.stable,
  declaredWeights: { stable: 100, next: 0 },
  plan,
  createdBy: 'ann',
  ...changes,
})

type Parts = {
  db: Database
  clock?: () => number
  metrics?: Metrics
  gate?: Gate
  everyone?: boolean
  controller?: Partial<ControllerOptions>
}

/** Actions and a controller over one database. `dropped`: hashes whose answers were forgotten. */
export const aboutRollouts = ({ db, clock = Date.now, metrics = {}, everyone = false, controller = {}, ...rest }: Parts) => {
  const gate = rest.gate ?? (async () => ({ ok: true, reason: 'no gate' }))
  const dropped: string[] = []
  const drop: ControllerOptions['drop'] = async (_tx, rollout, which) => {
    dropped.push(which === 'candidate' ? rollout.candidateHash : rollout.stableHash)
  }
  const evidenceOf: ControllerOptions['evidenceOf'] = (tx, rollout, events) =>
    readEvidence(tx, { rollout, events, declared: metrics, everyone })
  const thrown: unknown[] = []
  return {
    dropped,
    thrown,
    evidenceOf,
    actions: createActions({ db, clock, gate, drop, causesOf: async () => ['latency'] }),
    controller: createController({
      db,
      clock,
      busy: () => true,
      wanted: () => [],
      evidenceOf,
      hashNow: (_route, variant) => hashes[variant as keyof typeof hashes],
      gate,
      drop,
      actor: 'controller',
      tickMs: 50,
      onError: (error) => thrown.push(error),
      ...controller,
    }),
  }
}

export type Served = Partial<Trace> & { arm: Trace['arm'] }

/** Requests as the recorder stores them. */
export const serve = (db: Database, served: readonly Served[]): Promise<void> =>
  insertTraces(
    db,
    served.map((one) => {
      const variant = one.arm === 'candidate' ? 'next' : 'stable'
      return JSON.stringify(aTrace({ route: 'support', variant, variantHash: hashes[variant], cache: null, payload: null, ...one }))
    }),
  )

/** `size` subjects of each arm, with so many failures in each. */
export const arms = (size: number, failed: { candidate: number; control: number }, changes: Partial<Trace> = {}): Served[] =>
  (['candidate', 'control'] as const).flatMap((arm) =>
    Array.from({ length: size }, (_, index): Served => {
      // Evenly mixed, as failures come.
      const fails = Math.floor(((index + 1) * failed[arm]) / size) > Math.floor((index * failed[arm]) / size)
      const startedAtMs = (changes.startedAtMs ?? Date.now()) + index / 100
      return {
        arm,
        subject: `${arm}-${index}`,
        ...changes,
        startedAtMs,
        ...(fails ? { status: 'error', errorCode: 'upstream_failed' } : {}),
      }
    }),
  )
