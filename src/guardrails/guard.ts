import { AppError } from '../lib/errors.ts'
import type { Check, Finding, Reader } from './check.ts'

/** `block` ends the exchange, `redact` takes the finding out, `flag` lets it pass and says so in the trace. */
export type Action = 'block' | 'redact' | 'flag'
export type Stage = 'input' | 'output'

/** A check with what follows from it. */
export type Guard = {
  name: string
  check: Check
  action: Action
  /** How a block is told: as an error, or as an answer of the message that ends with `content_filter`. */
  respond: 'error' | 'refusal'
  message: string
  /** When the check cannot tell, such as a classifier that is down or slow. */
  onError: 'allow' | 'block'
  timeoutMs: number
}

/** What a guard did in one request, over all texts it read. */
export type GuardReport = {
  name: string
  stage: Stage
  outcome: 'pass' | 'flag' | 'redact' | 'block' | 'error'
  labels: string[]
  /** Milliseconds of waiting for it. */
  ms: number
}

/** A guard that stopped something. `refusal`: its message is the answer. */
export class Blocked extends AppError {
  readonly refusal: string | undefined

  constructor(guard: Guard, stage: Stage, cause?: unknown) {
    super('content_filtered', guard.message, { param: stage === 'input' ? 'messages' : undefined, cause })
    this.refusal = guard.respond === 'refusal' ? guard.message : undefined
  }
}

/** One guard at work on one request; keeps its report. */
export type Watch = {
  guard: Guard
  report: GuardReport
  /** What was found and may pass or be taken out; throws `Blocked` when it may not. */
  inspect(text: string): Promise<Finding | undefined>
}

const severity: GuardReport['outcome'][] = ['pass', 'flag', 'redact', 'error', 'block']

export const watch = (guard: Guard, stage: Stage, reader: Reader): Watch => {
  const report: GuardReport = { name: guard.name, stage, outcome: 'pass', labels: [], ms: 0 }
  const note = (outcome: GuardReport['outcome'], labels: readonly string[]) => {
    if (severity.indexOf(outcome) > severity.indexOf(report.outcome)) report.outcome = outcome
    for (const label of labels) if (!report.labels.includes(label)) report.labels.push(label)
  }
  return {
    guard,
    report,
    inspect: async (text) => {
      const sinceMs = performance.now()
      try {
        const finding = await inTime(guard, text, reader)
        if (finding === undefined) return undefined
        note(guard.action, finding.labels)
        if (guard.action === 'block') throw new Blocked(guard, stage)
        return finding
      } catch (error) {
        if (error instanceof Blocked || reader.signal.aborted) throw error
        note(guard.onError === 'block' ? 'block' : 'error', ['the check failed'])
        if (guard.onError === 'block') throw new Blocked(guard, stage, error)
        return undefined
      } finally {
        report.ms += performance.now() - sinceMs
      }
    },
  }
}

const inTime = async ({ name, check, timeoutMs }: Guard, text: string, reader: Reader): Promise<Finding | undefined> => {
  // Patterns answer at once: no timer could interrupt them.
  if (check.reads.kind === 'chars') return check.find(text, reader)
  const late = new AbortController()
  let timer: Timer | undefined
  const lateness = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late.abort()
      reject(new Error(`the guardrail '${name}' did not answer within ${timeoutMs} ms`))
    }, timeoutMs)
  })
  try {
    return await Promise.race([check.find(text, { ...reader, signal: AbortSignal.any([reader.signal, late.signal]) }), lateness])
  } finally {
    clearTimeout(timer)
  }
}
