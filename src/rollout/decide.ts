import { assess, type Finding, type RolloutEvidence } from './assess.ts'
import { compares, ownMetrics, type RolloutPlan, type RolloutStep } from './plan.ts'

export type RolloutStatus = 'pending' | 'running' | 'held' | 'awaiting_approval' | 'promoted' | 'rolled_back'

export type RolloutState = {
  status: RolloutStatus
  /** Index of the step under way. */
  step: number
  /** When it began, or was resumed. Milliseconds since the epoch. */
  stepSinceMs: number
  /** Checks that somebody has seen and accepted when they resumed: they hold no more. */
  accepted: readonly string[]
}

export type Decision = {
  kind: 'wait' | 'advance' | 'await_approval' | 'hold' | 'promote' | 'rollback'
  /** For people. */
  reason: string
  /** Names of the checks that decided. */
  causes: readonly string[]
  findings: readonly Finding[]
}

/**
 * What a rollout does next. Pure: the same evidence decides the same, in the server and in a simulation.
 *
 * A guardrail that is shown to be worse rolls back in every state, also while a person is waited for. A signal holds. A step is passed when
 * it lasted long enough, both arms have their samples, and no guardrail is worse by more than its margin: no data is never success.
 */
export const decide = (plan: RolloutPlan, state: RolloutState, evidence: RolloutEvidence, nowMs: number): Decision => {
  const findings = assess(plan, evidence)
  const decision = (kind: Decision['kind'], reason: string, causes: readonly string[] = []): Decision => ({
    kind,
    reason,
    causes,
    findings,
  })
  const step = plan.steps[state.step]
  if (state.status === 'pending') return decision('wait', 'waits for its gate')
  if (step === undefined || isOver(state.status)) return decision('wait', 'it is over')

  const broken = findings.filter(({ role, verdict }) => role === 'guardrail' && verdict === 'worse')
  if (broken.length > 0) return decision('rollback', sentence(broken), names(broken))
  if (state.status === 'held') return decision('wait', 'held: resume, promote or roll back')

  const worse = findings.filter(({ name, role, verdict }) => role === 'signal' && verdict === 'worse' && !state.accepted.includes(name))
  if (worse.length > 0) return decision('hold', sentence(worse), names(worse))
  if (state.status === 'awaiting_approval') return decision('wait', 'waits for approval')

  const elapsedMs = nowMs - state.stepSinceMs
  if (elapsedMs < step.minDurationMs) return decision('wait', `the step lasts at least ${seconds(step.minDurationMs)}`)
  const missing = compares(step) ? unmet(step, findings, evidence) : []
  if (missing.length > 0) {
    if (elapsedMs < step.maxDurationMs) return decision('wait', missing.join('; '))
    const reason = `inconclusive after ${seconds(step.maxDurationMs)}: ${missing.join('; ')}`
    return decision(step.onInconclusive === 'hold' ? 'hold' : 'rollback', reason, ['inconclusive'])
  }
  if (step.gate === 'manual') return decision('await_approval', 'the step is passed and waits for approval')
  const passed = 'the step is passed: no guardrail is worse'
  return state.step === plan.steps.length - 1 ? decision('promote', passed) : decision('advance', passed)
}

export const isOver = (status: RolloutStatus): boolean => status === 'promoted' || status === 'rolled_back'

/** What a step still needs. */
const unmet = (step: RolloutStep, findings: readonly Finding[], { subjects }: RolloutEvidence): string[] => {
  const { candidate, control } = subjects.step
  const few =
    Math.min(candidate, control) < step.minSamples ? [`${candidate} and ${control} subjects so far, each arm needs ${step.minSamples}`] : []
  // Nobody sees what a shadow answers, so nobody says anything of it.
  const silent = (name: string) => step.mode === 'shadow' && !ownMetrics.includes(name)
  const open = findings.filter(({ name, role, verdict }) => role === 'guardrail' && verdict !== 'no_worse' && !silent(name))
  return [...few, ...open.map(({ name, text }) => `${name}: ${text}`)]
}

const sentence = (findings: readonly Finding[]): string => findings.map(({ name, text }) => `${name}: ${text}`).join('; ')
const names = (findings: readonly Finding[]): string[] => findings.map(({ name }) => name)
const seconds = (ms: number): string => (ms >= 7_200_000 ? `${ms / 3_600_000} h` : ms >= 120_000 ? `${ms / 60_000} min` : `${ms / 1000} s`)
