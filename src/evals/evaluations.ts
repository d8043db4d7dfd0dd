import { join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { ChatModel, Usage } from '../models/chat-model.ts'
import type { Classifier } from '../models/classifier.ts'
import type { Embedder } from '../models/embedder.ts'
import { type Comparison, compareRuns } from './compare.ts'
import { type Gate, gate } from './gate.ts'
import { createJudge } from './judge.ts'
import type { CaseResult } from './results.ts'
import { type RunDeps, runSuite } from './run.ts'
import type { Output } from './scorer.ts'
import { deleteErrors, type EvalRun, findBaseline, findRun, finishRun, insertRun, listResults, resumeRun } from './store.ts'
import type { Suite } from './suite.ts'
import { type Summary, summarise } from './summary.ts'
import { createTarget, type TargetDeps } from './target.ts'

export type EvaluationDeps = TargetDeps & {
  db: Database
  clock: Clock
  chatModelOf: (id: string) => ChatModel | undefined
  embedderOf: (id: string) => Embedder | undefined
  classifierOf: (id: string) => Classifier | undefined
  /** US dollars for what a judge read and wrote; null when its price is unknown. */
  judgeCost: (use: { model: string; usage: Usage; upstreamMs: number }) => number | null
  /** Hash of the prompt version that a name and label mean now. */
  promptClosure: (prompt: { name: string; label?: string | undefined; version?: string | undefined }) => string | null
  /** Where files of custom scorers may be; nothing outside of it is loaded. */
  folder: string
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
          promptClosure: target.prompt ? deps.promptClosure(target.prompt) : null,
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
        { db, clock, target, scoring: scoringOf(deps, suite) },
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

const scoringOf = (deps: EvaluationDeps, suite: Suite): RunDeps['scoring'] => {
  const judgeModel = suite.judge === undefined ? undefined : required(deps.chatModelOf(suite.judge), `the judge '${suite.judge}'`)
  const embedder = suite.embedder === undefined ? undefined : required(deps.embedderOf(suite.embedder), `the embedder '${suite.embedder}'`)
  const judgeName = suite.judge ?? ''
  return (_one, spent, signal) => ({
    judge:
      judgeModel &&
      createJudge({
        model: judgeModel,
        tenant: suite.tenant,
        spent: (usage, ms) => spent(deps.judgeCost({ model: judgeName, usage, upstreamMs: ms })),
        signal,
      }),
    embed: embedder && (async (texts) => (await embedder.embed({ texts, tenant: suite.tenant, requestId: uuidv7(), signal })).vectors),
    classify: async (model, text) => {
      const classifier = required(deps.classifierOf(model), `the classifier '${model}'`)
      return (await classifier.classify({ texts: [text], signal })).results[0] ?? []
    },
    load: (file) => loadScorer(deps.folder, file),
  })
}

const required = <Model>(model: Model | undefined, what: string): Model => {
  if (model === undefined) throw new AppError('model_not_found', `${what} is not configured`)
  return model
}

/** Only what lies in the folder of suites: a suite comes over the API, and must not choose what this server runs. */
const loadScorer = async (folder: string, file: string): Promise<unknown> => {
  const path = resolve(folder, file)
  if (!path.startsWith(`${resolve(folder)}${sep}`)) throw new AppError('permission_denied', `${file} is outside of ${join(folder)}`)
  return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default
}
