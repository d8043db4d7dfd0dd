import type { EvalReport } from '../evaluations.ts'
import type { ScoreFigures } from '../online/store.ts'
import type { CaseResult } from '../results.ts'
import type { EvalRun } from '../store.ts'
import type { Summary } from '../summary.ts'

export const runJson = (run: EvalRun) => ({
  id: run.id,
  object: 'eval.run' as const,
  suite: run.suite,
  suite_hash: run.suiteHash,
  status: run.status,
  gate: run.gate,
  route: run.route,
  variant: run.variant,
  variant_hash: run.variantHash,
  prompt_closure: run.promptClosure,
  tenant: run.tenant,
  started_at: new Date(run.startedAtMs).toISOString(),
  finished_at: run.finishedAtMs === null ? null : new Date(run.finishedAtMs).toISOString(),
  actor: run.actor,
  git_commit: run.gitCommit,
  cases: run.cases,
  pass_rate_needed: run.passRate,
  margin: run.margin,
  summary: run.summary && summaryJson(run.summary),
})

const summaryJson = (summary: Summary) => ({
  cases: summary.cases,
  answers: summary.answers,
  passed: summary.passed,
  failed: summary.failed,
  errors: summary.errors,
  undetermined: summary.undetermined,
  pass_rate: summary.passRate,
  interval: summary.interval,
  score: summary.score,
  metrics: summary.metrics,
  must_pass_failed: summary.mustPassFailed,
  repeats: summary.repeats.map(({ k, passAtK, passHatK }) => ({ k, pass_at_k: passAtK, pass_hat_k: passHatK })),
  cost_usd: summary.costUsd,
  unknown_cost: summary.unknownCost,
  latency_ms: summary.latencyMs,
})

const resultJson = (result: CaseResult) => ({
  case: result.caseId,
  repeat: result.repeat,
  passed: result.passed,
  score: result.score,
  error: result.error,
  must_pass: result.mustPass,
  tags: result.tags,
  input: result.input,
  expected: result.expected,
  output: result.output?.text ?? null,
  tool_calls: result.output?.toolCalls ?? [],
  finish_reason: result.output?.finishReason ?? null,
  latency_ms: result.output?.latencyMs ?? null,
  cost_usd: result.costUsd,
  from_cache: result.fromCache,
  assertions: result.assertions,
})

export const reportJson = ({ run, summary, comparison, baseline, gate, results, baselineResults }: EvalReport) => ({
  ...runJson(run),
  object: 'eval.report' as const,
  gate: gate.outcome,
  gate_reasons: gate.reasons,
  summary: summaryJson(summary),
  comparison: comparison && {
    baseline: baseline && {
      id: baseline.id,
      variant: baseline.variant,
      variant_hash: baseline.variantHash,
      started_at: new Date(baseline.startedAtMs).toISOString(),
    },
    cases: comparison.cases,
    only_in_baseline: comparison.onlyInBaseline,
    only_in_candidate: comparison.onlyInCandidate,
    broken: comparison.broken,
    mended: comparison.mended,
    outcome: comparison.outcome,
    metrics: comparison.metrics.map(({ standardError, adjustedP, minimumDetectable, ...same }) => ({
      ...same,
      standard_error: Number.isFinite(standardError) ? standardError : null,
      adjusted_p: adjustedP,
      minimum_detectable: Number.isFinite(minimumDetectable) ? minimumDetectable : null,
    })),
  },
  results: results.map(resultJson),
  baseline_results: baselineResults.map(resultJson),
})

export const scoresJson = (figures: ScoreFigures) => ({
  scorer: figures.scorer,
  variant: figures.variant,
  variant_hash: figures.variantHash,
  answers: figures.answers,
  undetermined: figures.undetermined,
  mean: figures.mean,
  pass_rate: figures.passRate,
  interval: figures.interval,
  cost_usd: figures.costUsd,
})

export type ScoresJson = ReturnType<typeof scoresJson>
export type EvalRunJson = ReturnType<typeof runJson>
export type EvalReportJson = ReturnType<typeof reportJson>
