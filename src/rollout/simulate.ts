import { type EventEProcess, observeEvent, startEventEProcess } from '../lib/stats/e-process.ts'
import { seededRandom } from '../lib/stats/random.ts'
import type { Moments } from '../lib/stats/sample.ts'
import type { ByArm, RolloutEvidence } from './assess.ts'
import { decide, type RolloutState } from './decide.ts'
import { compares, type RolloutPlan } from './plan.ts'

export type SimulationOptions = {
  plan: RolloutPlan
  /** Share of requests that fail. */
  failureRates: ByArm<number>
  runs: number
  /** Requests of a run at most, each of a subject of its own. */
  requests: number
  requestsPerSecond: number
  /** Requests between two looks. */
  lookEvery: number
  seed: number
  /** Whether failures of everybody on the stable variant count, or those of the control alone, as where answers are cached. */
  everyone: boolean
  /** Told after each run. */
  onRun?: ((done: number) => void) | undefined
  /** Waited for every few milliseconds, so that a server can answer others meanwhile. */
  pause?: (() => Promise<void>) | undefined
}

export type SimulationResult = {
  runs: number
  rolledBack: number
  promoted: number
  held: number
  /** Neither, when the requests were used up. */
  undecided: number
  /** Requests of the route until then; null when there was none. */
  requestsToRollback: Quantiles | null
  requestsToPromotion: Quantiles | null
  /** Mean failures that the candidate added to those that the stable variant would have had. */
  harm: number
}

type Quantiles = { median: number; p90: number; max: number }

/** Plays a plan against failure rates, with the very `decide` of the server. Approvals are given at once. The seed settles every figure. */
export const simulate = async (options: SimulationOptions): Promise<SimulationResult> => {
  const random = seededRandom(options.seed)
  const ends: RunEnd[] = []
  for (let run = 0; run < options.runs; run += 1) {
    ends.push(await play(options, random))
    options.onRun?.(run + 1)
    await options.pause?.()
  }
  const of = (end: RunEnd['end']) => ends.filter((one) => one.end === end)
  return {
    runs: ends.length,
    rolledBack: of('rollback').length,
    promoted: of('promote').length,
    held: of('hold').length,
    undecided: of('undecided').length,
    requestsToRollback: quantiles(of('rollback').map(({ requests }) => requests)),
    requestsToPromotion: quantiles(of('promote').map(({ requests }) => requests)),
    harm: ends.reduce((sum, { harm }) => sum + harm, 0) / Math.max(1, ends.length),
  }
}

type RunEnd = { end: 'rollback' | 'promote' | 'hold' | 'undecided'; requests: number; harm: number }

const play = async (options: SimulationOptions, random: () => number): Promise<RunEnd> => {
  const { plan, failureRates, requests, requestsPerSecond, lookEvery, everyone } = options
  let state: RolloutState = { status: 'running', step: 0, stepSinceMs: 0, accepted: [] }
  let process: EventEProcess = startEventEProcess()
  const seen = { step: zeros(), dealt: zeros() }
  let tallies = noTallies()
  const counted = zeros()
  let served = 0

  for (let request = 1; request <= requests; request += 1) {
    const step = plan.steps[state.step]
    if (step === undefined) break
    const weight = step.weightPercent / 100
    const shadowed = step.mode === 'shadow' && random() < weight
    const draw = random()
    const trial = step.mode !== 'shadow' && compares(step)
    const arm = trial ? (draw < weight ? 'candidate' : draw < 2 * weight ? 'control' : null) : null
    const onCandidate = arm === 'candidate' || (step.mode !== 'shadow' && !trial)
    const failed = random() < (onCandidate ? failureRates.candidate : failureRates.control)
    if (onCandidate) served += 1
    const note = (side: keyof ByArm<number>, failure: boolean, chance: number | null) => {
      tallies[side].n += 1
      seen.step[side] += 1
      if (trial) seen.dealt[side] += 1
      if (failure) tallies[side].failed += 1
      if (failure && chance !== null) count(side, chance)
    }
    const count = (side: keyof ByArm<number>, chance: number) => {
      counted[side] += 1
      process = observeEvent(process, { canary: side === 'candidate', weight: chance })
    }
    if (shadowed) {
      note('control', failed, 0.5)
      note('candidate', random() < failureRates.candidate, 0.5)
    } else if (arm !== null) note(arm, failed, everyone ? weight : 0.5)
    else if (trial && everyone && failed) count('control', weight)

    if (request % 20_000 === 0) await options.pause?.()
    if (request % lookEvery !== 0) continue
    const evidence: RolloutEvidence = {
      subjects: seen,
      events: [{ name: 'failures', process, counts: counted }],
      means: [{ name: 'failures', candidate: momentsOf(tallies.candidate), control: momentsOf(tallies.control) }],
    }
    const nowMs = (request / requestsPerSecond) * 1000
    const { kind } = decide(plan, state, evidence, nowMs)
    const last = state.step === plan.steps.length - 1
    if (kind === 'rollback' || kind === 'hold') return { end: kind, requests: request, harm: harmOf(served, failureRates) }
    if (kind === 'promote' || (kind === 'await_approval' && last))
      return { end: 'promote', requests: request, harm: harmOf(served, failureRates) }
    if (kind === 'advance' || kind === 'await_approval') {
      state = { ...state, step: state.step + 1, stepSinceMs: nowMs }
      seen.step = zeros()
      // Copies are compared with copies, and live subjects with live subjects.
      if (step.mode === 'shadow' && plan.steps[state.step]?.mode !== 'shadow') tallies = noTallies()
    }
  }
  return { end: 'undecided', requests, harm: harmOf(served, failureRates) }
}

const zeros = (): ByArm<number> => ({ candidate: 0, control: 0 })

const noTallies = (): ByArm<{ n: number; failed: number }> => ({ candidate: { n: 0, failed: 0 }, control: { n: 0, failed: 0 } })

const momentsOf = ({ n, failed }: { n: number; failed: number }): Moments => {
  const mean = n === 0 ? 0 : failed / n
  return { n, mean, variance: n > 1 ? (mean * (1 - mean) * n) / (n - 1) : 0 }
}

const harmOf = (served: number, rates: ByArm<number>): number => served * (rates.candidate - rates.control)

const quantiles = (values: readonly number[]): Quantiles | null => {
  const sorted = values.toSorted((left, right) => left - right)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return sorted.length === 0 ? null : { median: at(0.5), p90: at(0.9), max: at(1) }
}
