import { type Output, type Score, type ScoreContext, type Scorer, undetermined } from './scorer.ts'
import { scorerOf } from './scorers/index.ts'
import type { AssertionSpec, Case } from './suite.ts'

export type AssertionResult = { metric: string; type: string; weight: number } & Score

/**
 * What came of one answer: `passed` is null when it could not be judged. `score` is the weighted mean of what could, null when nothing could.
 */
export type CaseScore = { passed: boolean | null; score: number | null; assertions: AssertionResult[] }

/** Judges one output by every assertion of its case. A scorer that fails has not judged: that is neither a pass nor a failure. */
export const scoreCase = async (
  { assertions, threshold }: Pick<Case, 'assertions' | 'threshold'>,
  output: Output,
  context: ScoreContext,
): Promise<CaseScore> => {
  const results = await Promise.all(assertions.map((spec) => scoreAssertion(spec, output, context)))
  return { ...combined(results, threshold), assertions: results }
}

const scoreAssertion = async (spec: AssertionSpec, output: Output, context: ScoreContext): Promise<AssertionResult> => {
  const { metric, type, weight, negated } = spec
  const named = { metric, type: negated ? `not-${type}` : type, weight }
  if (spec.children) {
    const children = await Promise.all(spec.children.map((child) => scoreAssertion(child, output, context)))
    const { passed, score } = combined(children, spec.threshold)
    return {
      ...named,
      score,
      pass: passed,
      reason: children
        .filter(({ pass }) => pass !== true)
        .map(({ type: of, reason }) => `${of}: ${reason}`)
        .join('; '),
    }
  }
  const score = await judged(scorerOf(type) as Scorer, spec, output, context)
  return { ...named, ...(negated ? turned(score) : score) }
}

const judged = async (scorer: Scorer, spec: AssertionSpec, output: Output, context: ScoreContext): Promise<Score> => {
  try {
    return await orAborted(scorer.score(output, spec, context), context.signal)
  } catch (error) {
    context.signal.throwIfAborted()
    return undetermined(`${scorer.type} failed: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`)
  }
}

/** A scorer of somebody's own may not know of signals. */
const orAborted = async <Value>(work: Value | Promise<Value>, signal: AbortSignal): Promise<Value> => {
  const aborted = Promise.withResolvers<never>()
  const stop = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const turned = ({ score, pass, reason }: Score): Score => ({
  score: score === null ? null : 1 - Math.min(1, Math.max(0, score)),
  pass: pass === null ? null : !pass,
  reason,
})

/** Without a threshold all must pass; with one the weighted mean must reach it. What is undetermined leaves the whole so, unless something failed anyway. */
const combined = (results: readonly AssertionResult[], threshold: number | undefined): Pick<CaseScore, 'passed' | 'score'> => {
  const counted = results.filter(({ score, weight }) => score !== null && weight > 0)
  const weight = counted.reduce((sum, result) => sum + result.weight, 0)
  const score = weight === 0 ? null : counted.reduce((sum, result) => sum + result.weight * (result.score as number), 0) / weight
  const open = results.some(({ pass, weight: own }) => pass === null && own > 0)
  if (threshold !== undefined) return { score, passed: open || score === null ? null : score >= threshold }
  if (results.some(({ pass, weight: own }) => pass === false && own > 0)) return { score, passed: false }
  return { score, passed: open ? null : true }
}
