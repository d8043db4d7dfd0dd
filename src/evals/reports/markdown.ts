import type { EvalReportJson } from './json.ts'
import { counts, digits, faults, headline, percent, points, usd } from './words.ts'

/** For a comment on a pull request. */
export const markdown = (report: EvalReportJson): string => {
  const { comparison, results, summary } = report
  const wrong = results.filter(({ passed }) => passed !== true)
  return `${[
    `### ${cell(headline(report))}`,
    `${counts(report)}. Cost ${usd(summary.cost_usd)}${summary.unknown_cost ? `, and ${summary.unknown_cost} answers of unknown cost` : ''}.`,
    ...(comparison ? [comparisonTable(comparison)] : []),
    ...(wrong.length > 0 ? [wrongTable(wrong)] : []),
  ].join('\n\n')}\n`
}

const comparisonTable = ({ baseline, metrics, broken, mended, cases }: NonNullable<EvalReportJson['comparison']>): string =>
  [
    `Against ${baseline?.variant ?? baseline?.id} on ${cases} cases:`,
    '',
    '| metric | before | now | difference | 95 % interval | p (corrected) | could see | outcome |',
    '|---|---|---|---|---|---|---|---|',
    ...metrics.map(
      (one) =>
        `| ${cell(one.metric)} | ${digits(one.baseline)} | ${digits(one.candidate)} | ${points(one.mean)} points | ${points(one.low)} … ${points(one.high)} | ${digits(one.adjusted_p)} | ${percent(one.minimum_detectable)} | ${one.outcome} |`,
    ),
    ...(broken.length > 0 ? ['', `Passed before and fails now: ${broken.map(cell).join(', ')}.`] : []),
    ...(mended.length > 0 ? ['', `Failed before and passes now: ${mended.map(cell).join(', ')}.`] : []),
  ].join('\n')

const wrongTable = (wrong: EvalReportJson['results']): string =>
  [
    '<details><summary>What did not pass</summary>',
    '',
    '| case | why | output |',
    '|---|---|---|',
    ...wrong
      .slice(0, 50)
      .map((result) => `| ${cell(result.case)} | ${cell(faults(result).join('; '))} | ${cell((result.output ?? '').slice(0, 200))} |`),
    ...(wrong.length > 50 ? [`| … | ${wrong.length - 50} more | |`] : []),
    '',
    '</details>',
  ].join('\n')

/** Texts of models must not draw tables, links or mentions. */
const cell = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]<>|#@]/g, (one) => `\\${one}`)
    .replaceAll('\\<', '&lt;')
    .replaceAll('\\>', '&gt;')
