import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import { type Comparison, compareRuns } from './compare.ts'
import { type Gate, gate } from './gate.ts'
import type { CaseResult } from './results.ts'
import { runSuite } from './run.ts'
import type { Output } from './scorer.ts'
import { type ModelSources, scoringModels } from './scoring-models.ts'
import { deleteErrors, type EvalRun, findBaseline, findRun, finishRun, insertRun, listResults, resumeRun } from './store.ts'
import type { Suite } from './suite.ts'
import { type Summary, summarise } from './summary.ts'
import { createTarget, type TargetDeps } from './target.ts'

export type EvaluationDeps = TargetDeps &
  ModelSources & {
    db: Database
    clock: Clock
    /** Hash of the prompt version that a name and label mean now. Rejects with `not_found` when there is none. */
    promptClosure: (prompt: { name: string; label?: string | undefined; version?: string | undefined }) => Promise<string>
  }

export type StartOptions = {
  suite: Suite
  actor: string
  gitCommit?: string | undefined
  variant?: string | undefined
  /** A run's id, a variant, or `latest`. */
  baseline?: string | undefined
  /** Goes on with this run, which asked the same. */
  resume?: string | undefined
  outputs?: ReadonlyMap<string, Output[]> | undefined
  useCache: boolean
  onStart: (run: { id: string; total: number; done: number; variant: string | null }) => void
  onResult: (result: CaseResult, done: number, total: number) => void
  signal: AbortSignal
}

export type EvalReport = {
  run: EvalRun
  summary: Summary
  comparison: Comparison | null
  baseline: EvalRun | null
  gate: Gate
  results: CaseResult[]
  baselineResults: CaseResult[]
}

export type Evaluations = {
  run(options: StartOptions): Promise<EvalReport>
  /** A finished run, compared with another when one is named. */
  report(id: string, baseline?: string): Promise<EvalReport>
}

/** Runs of suites: started, resumed, compared. */
export const createEvaluations = (deps: EvaluationDeps): Evaluations => {
  const { db, clock } = deps

  const concluded = async (run: EvalRun, results: CaseResult[], baselineName: string | undefined): Promise<Omit<EvalReport, 'run'>> => {
    const baseline = baselineName === undefined ? null : await findBaseline(db, run.suite, baselineName, run.id)
    const summary = summarise(results)
    const baselineResults = baseline ? await listResults(db, baseline.id) : []
    const comparison = baseline ? compareRuns(baselineResults, results, run.margin) : null
    return {
      summary,
      comparison,
      baseline,
      gate: gate(summary, comparison ?? undefined, { passRate: run.passRate }),
      results,
      baselineResults,
    }
  }

  return {
    run: async (options) => {
      const { suite, resume, signal } = options
      const id = resume ?? uuidv7()
      const target = createTarget(suite, id, deps, { variant: options.variant })
      // Wrong names are told before anything is paid for.
      if (options.baseline !== undefined) await findBaseline(db, suite.name, options.baseline, id)
      if (resume === undefined) {
        await insertRun(db, {
          id,
          suite: suite.name,
          suiteHash: suite.hash,
          tenant: suite.tenant,
          target: { ...suite.target, apiKey: undefined, headers: undefined },
          route: target.route,
          variant: target.variant,
          variantHash: target.variantHash,
          promptClosure: target.prompt ? await deps.promptClosure(target.prompt) : null,
          startedAtMs: clock(),
          actor: options.actor,
          gitCommit: options.gitCommit ?? null,
          cases: suite.cases.length,
          margin: suite.margin,
          passRate: suite.passRate,
        })
      } else await reopen(db, resume, suite, target.variantHash)
      const done = resume === undefined ? [] : await listResults(db, id)
      const total = suite.cases.reduce((sum, { repeats }) => sum + repeats, 0)
      options.onStart({ id, total, done: done.length, variant: target.variant })
      const end = await runSuite(
        { db, clock, target, scoring: scoringModels(deps, suite) },
        { runId: id, suite, done, outputs: options.outputs, useCache: options.useCache, onResult: options.onResult, signal },
      )
      const run = await findRun(db, id)
      const report = await concluded(run, end.results, options.baseline)
      const whole: Gate =
        end.status === 'completed' ? report.gate : { outcome: 'error', reasons: [unfinished(end.status, end.results.length, total, id)] }
      await finishRun(db, id, { status: end.status, summary: report.summary, gate: whole.outcome, finishedAtMs: clock() })
      return { ...report, gate: whole, run: await findRun(db, id) }
    },
    report: async (id, baseline) => {
      const run = await findRun(db, id)
      const report = await concluded(run, await listResults(db, id), baseline)
      return {
        ...report,
        run,
        gate: run.status === 'completed' ? report.gate : { outcome: 'error', reasons: [`the run is ${run.status}`] },
      }
    },
  }
}

const unfinished = (status: string, done: number, total: number, id: string): string =>
  `${status === 'over_budget' ? 'the budget is used up' : 'interrupted'} after ${done} of ${total} answers: go on with --resume ${id}`

const reopen = async (db: Database, id: string, suite: Suite, variantHash: string | null): Promise<void> => {
  const run = await findRun(db, id)
  if (run.suiteHash !== suite.hash) throw new AppError('conflict', `run ${id} asked another version of ${run.suite}: start a new run`)
  if (run.variantHash !== variantHash)
    throw new AppError('conflict', `run ${id} asked another variant, and answers of two would be mixed: start a new run`)
  await deleteErrors(db, id)
  await resumeRun(db, id)
}
