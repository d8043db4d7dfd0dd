import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { isAbort, toAppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import type { CaseResult } from './results.ts'
import { scoreCase } from './score-case.ts'
import type { Output, ScoreContext } from './scorer.ts'
import type { ScoringModels } from './scoring-models.ts'
import { findAnswer, insertAnswer, insertResults } from './store.ts'
import type { Case, Suite } from './suite.ts'
import { askedText } from './suite-file.ts'
import type { AskTarget } from './target.ts'
import { writeTogether } from './together.ts'

export type RunDeps = {
  db: Database
  clock: Clock
  target: AskTarget
  scoring: ScoringModels
}

export type RunOptions = {
  runId: string
  suite: Suite
  /** Of an earlier start of the same run: not asked again. */
  done: readonly CaseResult[]
  /** Recorded outputs by case id, one for each repeat: nothing is asked. */
  outputs?: ReadonlyMap<string, Output[]> | undefined
  /** Whether answers given before to the same request count. */
  useCache: boolean
  onResult: (result: CaseResult, done: number, total: number) => void
  signal: AbortSignal
}

export type RunEnd = { status: 'completed' | 'interrupted' | 'over_budget'; results: CaseResult[] }

/** Asks every case as often as it wants, judges the answers, and stores each as it comes. Results are in the order of the suite, however they came. */
export const runSuite = async (deps: RunDeps, options: RunOptions): Promise<RunEnd> => {
  const { suite, done, signal, onResult } = options
  const known = new Map(done.map((result) => [`${result.caseId}\n${result.repeat}`, result]))
  const tasks = suite.cases.flatMap((one) => Array.from({ length: one.repeats }, (_, repeat) => ({ one, repeat })))
  const open = tasks.filter(({ one, repeat }) => !known.has(`${one.id}\n${repeat}`))
  let spentUsd = done.reduce((sum, { costUsd, fromCache }) => sum + (fromCache ? 0 : (costUsd ?? 0)), 0)
  let status: RunEnd['status'] = 'completed'

  const store = writeTogether<CaseResult>((results) => insertResults(deps.db, options.runId, results))

  const work = async (): Promise<void> => {
    for (let task = open.shift(); task !== undefined; task = open.shift()) {
      if (signal.aborted) {
        status = 'interrupted'
        return
      }
      if (suite.budgetUsd !== undefined && spentUsd >= suite.budgetUsd) {
        status = 'over_budget'
        return
      }
      const { one, repeat } = task
      try {
        const result = await answerCase(deps, options, one, repeat)
        if (!result.fromCache) spentUsd += result.costUsd ?? 0
        await store(result)
        known.set(`${one.id}\n${repeat}`, result)
        onResult(result, known.size, tasks.length)
      } catch (error) {
        if (!signal.aborted) throw error
        status = 'interrupted'
        return
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(suite.concurrency, open.length) }, work))
  return { status, results: tasks.flatMap(({ one, repeat }) => known.get(`${one.id}\n${repeat}`) ?? []) }
}

const answerCase = async (deps: RunDeps, options: RunOptions, one: Case, repeat: number): Promise<CaseResult> => {
  const { suite, signal } = options
  const own = AbortSignal.any([signal, AbortSignal.timeout(suite.timeoutMs)])
  const base = {
    caseId: one.id,
    repeat,
    group: one.group,
    mustPass: one.mustPass,
    tags: one.tags,
    input: askedText(one),
    expected: one.expected ?? null,
  }
  let answered: Awaited<ReturnType<typeof outputOf>>
  try {
    answered = await outputOf(deps, options, one, repeat, own)
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = toAppError(error)
    const fault = own.aborted || isAbort(error) ? `timeout: no answer within ${suite.timeoutMs} ms` : `${code}: ${message}`
    return { ...base, output: null, error: fault, passed: null, score: null, assertions: [], costUsd: null, fromCache: false }
  }
  let judgesUsd: number | null = 0
  const spent = (costUsd: number | null) => {
    judgesUsd = judgesUsd === null || costUsd === null ? null : judgesUsd + costUsd
  }
  const context: ScoreContext = {
    ...deps.scoring(suite.tenant, spent, own),
    input: base.input,
    variables: one.variables,
    expected: one.expected,
    tools: one.tools ?? [],
    signal,
  }
  const score = await scoreCase(one, answered.output, context)
  const costUsd = answered.fromCache ? judgesUsd : answered.costUsd === null || judgesUsd === null ? null : answered.costUsd + judgesUsd
  return { ...base, output: answered.output, error: null, ...score, costUsd, fromCache: answered.fromCache }
}

const outputOf = async (
  { db, clock, target }: RunDeps,
  { suite, outputs, useCache }: RunOptions,
  one: Case,
  repeat: number,
  signal: AbortSignal,
): Promise<{ output: Output; costUsd: number | null; fromCache: boolean }> => {
  if (outputs !== undefined) {
    const output = outputs.get(one.id)?.[repeat]
    if (output === undefined) throw new Error('the file of outputs has none for this case')
    return { output, costUsd: 0, fromCache: true }
  }
  // Each repeat draws its own answer, also from models that obey a seed.
  const seed = suite.seed === undefined ? undefined : suite.seed + repeat
  const key = hashOf({
    target: target.identity,
    tenant: suite.tenant,
    turns: one.turns,
    variables: one.variables,
    tools: one.tools,
    params: suite.params,
    seed,
    repeat,
  })
  const known = useCache ? await findAnswer(db, key) : undefined
  if (known) return { ...known, fromCache: true }
  const asked = await target.ask(one, { repeat, seed, signal })
  if (useCache) await insertAnswer(db, key, asked, clock())
  return { ...asked, fromCache: false }
}
