import type { EvalReportJson } from '../evals/reports/json.ts'
import { counts, digits, faults, headline, percent, points, usd } from '../evals/reports/words.ts'
import { table } from './table.ts'

/** A report for a terminal: what did not pass, the figures, and last the verdict. */
export const evalText = (report: EvalReportJson): string => {
  const { results, summary, comparison } = report
  const wrong = results.filter(({ passed }) => passed !== true)
  const rows = wrong
    .slice(0, 40)
    .map((result) => [
      result.repeat > 0 ? `${result.case} #${result.repeat + 1}` : result.case,
      result.error !== null ? 'error' : result.passed === null ? 'undetermined' : 'failed',
      faults(result).join('; ').replace(/\s+/g, ' ').slice(0, 100),
      (result.output ?? '').replace(/\s+/g, ' ').slice(0, 60),
    ])
  return [
    ...(rows.length > 0 ? [table(['CASE', '', 'WHY', 'OUTPUT'], rows)] : []),
    ...(wrong.length > rows.length ? [`… and ${wrong.length - rows.length} more`] : []),
    table(
      ['METRIC', 'MEAN'],
      Object.entries(summary.metrics).map(([name, value]) => [name, digits(value)]),
    ),
    ...(summary.repeats.length > 0
      ? [
          table(
            ['K', 'PASS@K', 'PASS^K'],
            summary.repeats.map(({ k, pass_at_k, pass_hat_k }) => [k, percent(pass_at_k), percent(pass_hat_k)]),
          ),
        ]
      : []),
    ...(comparison ? [comparisonText(comparison)] : []),
    `${counts(report)}; cost ${usd(summary.cost_usd)}${summary.unknown_cost ? `, unknown for ${summary.unknown_cost}` : ''}${summary.latency_ms ? `; latency p50 ${digits(summary.latency_ms.p50)} ms, p95 ${digits(summary.latency_ms.p95)} ms` : ''}`,
    headline(report),
  ].join('\n\n')
}

const comparisonText = ({ baseline, metrics, broken, mended, cases }: NonNullable<EvalReportJson['comparison']>): string =>
  [
    `Against ${baseline?.variant ?? ''} run ${baseline?.id} on ${cases} cases; differences in points with 95 % intervals`,
    table(
      ['METRIC', 'BEFORE', 'NOW', 'DIFFERENCE', 'P', 'P CORRECTED', 'COULD SEE', 'OUTCOME'],
      metrics.map((one) => [
        one.metric,
        digits(one.baseline),
        digits(one.candidate),
        `${points(one.mean)} [${points(one.low)}, ${points(one.high)}]`,
        digits(one.p),
        digits(one.adjusted_p),
        percent(one.minimum_detectable),
        one.outcome,
      ]),
    ),
    ...(broken.length > 0 ? [`passed before and fails now: ${broken.join(', ')}`] : []),
    ...(mended.length > 0 ? [`failed before and passes now: ${mended.join(', ')}`] : []),
  ].join('\n')
