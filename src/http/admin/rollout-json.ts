import { z } from 'zod'
import type { RolloutEvidence } from '../../rollout/assess.ts'
import type { Decision } from '../../rollout/decide.ts'
import type { RolloutPlan } from '../../rollout/plan.ts'
import type { SimulationResult } from '../../rollout/simulate.ts'
import type { Rollout, RolloutEvent } from '../../rollout/store.ts'

export const rolloutSchema = z.object({
  id: z.string(),
  route: z.string(),
  candidate: z.string(),
  candidate_hash: z.string(),
  stable: z.string(),
  status: z.enum(['pending', 'running', 'held', 'awaiting_approval', 'promoted', 'rolled_back']),
  disabled: z.boolean(),
  step: z.number(),
  steps: z.number(),
  mode: z.string().nullable(),
  weight_percent: z.number().nullable(),
  step_since: z.string(),
  accepted: z.array(z.string()),
  created_by: z.string(),
  created_at: z.string(),
})

export const rolloutJson = (rollout: Rollout): z.input<typeof rolloutSchema> => {
  const step = rollout.plan.steps[rollout.step]
  return {
    id: rollout.id,
    route: rollout.route,
    candidate: rollout.candidate,
    candidate_hash: rollout.candidateHash,
    stable: rollout.stable,
    status: rollout.status,
    disabled: rollout.disabled,
    step: rollout.step + 1,
    steps: rollout.plan.steps.length,
    mode: step?.mode ?? null,
    weight_percent: step?.weightPercent ?? null,
    step_since: iso(rollout.stepSinceMs),
    accepted: [...rollout.accepted],
    created_by: rollout.createdBy,
    created_at: iso(rollout.createdAtMs),
  }
}

export const planJson = ({ alpha, failureMargin, rescue, steps, metrics }: RolloutPlan) => ({
  alpha,
  failure_margin: failureMargin,
  rescue,
  steps: steps.map((step) => ({
    mode: step.mode,
    weight_percent: step.weightPercent,
    min_duration_s: step.minDurationMs / 1000,
    max_duration_s: step.maxDurationMs / 1000,
    min_samples: step.minSamples,
    gate: step.gate,
    on_inconclusive: step.onInconclusive,
  })),
  metrics: metrics.map(({ name, role, margin }) => ({ name, role, margin })),
})

export const statusJson = ({
  rollout,
  events,
  evidence,
  next,
}: {
  rollout: Rollout
  events: readonly RolloutEvent[]
  evidence: RolloutEvidence
  next: Decision
}) => ({
  ...rolloutJson(rollout),
  plan: planJson(rollout.plan),
  subjects: evidence.subjects,
  findings: next.findings.map(({ eValue, ...finding }) => ({ ...finding, e_value: eValue ?? null, harm: finding.harm ?? null })),
  next: { kind: next.kind, reason: next.reason },
  failures: evidence.events.find(({ name }) => name === 'failures')?.kinds ?? {},
  events: events.map(eventJson),
})

export const eventSchema = z.object({
  id: z.string(),
  kind: z.string(),
  from_status: z.string().nullable(),
  to_status: z.string(),
  from_step: z.number().nullable(),
  to_step: z.number(),
  actor: z.string(),
  reason: z.string(),
  override: z.boolean(),
  evidence: z.unknown(),
  at: z.string(),
})

export const eventJson = (event: RolloutEvent): z.input<typeof eventSchema> => ({
  id: event.id,
  kind: event.kind,
  from_status: event.fromStatus,
  to_status: event.toStatus,
  from_step: event.fromStep === null ? null : event.fromStep + 1,
  to_step: event.toStep + 1,
  actor: event.actor,
  reason: event.reason,
  override: event.override,
  evidence: event.evidence,
  at: iso(event.atMs),
})

export const simulationJson = (result: SimulationResult, given: { control_rate: number; candidate_rate: number; seed: number }) => ({
  control_rate: given.control_rate,
  candidate_rate: given.candidate_rate,
  seed: given.seed,
  runs: result.runs,
  rolled_back: result.rolledBack,
  promoted: result.promoted,
  held: result.held,
  undecided: result.undecided,
  rollback_share: result.rolledBack / result.runs,
  requests_to_rollback: result.requestsToRollback,
  requests_to_promotion: result.requestsToPromotion,
  mean_added_failures: result.harm,
})

const iso = (ms: number): string => new Date(ms).toISOString()
