import { diffWords } from 'diff'
import type { EvalReportJson } from './json.ts'
import { counts, digits, faults, headline, percent, points, usd } from './words.ts'

type Result = EvalReportJson['results'][number]

/** A page that needs nothing else: figures, the comparison with its intervals, and every case beside what it was before. */
export const html = (report: EvalReportJson): string => {
  const { results, baseline_results, comparison, summary } = report
  const before = new Map(baseline_results.map((result) => [`${result.case}\n${result.repeat}`, result]))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(report.suite)} – evaluation</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>${style}</style></head><body>
<h1 class="${report.gate}">${text(headline(report))}</h1>
<p>${text(counts(report))}. Cost ${usd(summary.cost_usd)}. Run ${report.id}, ${report.started_at}${report.git_commit ? `, commit ${text(report.git_commit.slice(0, 10))}` : ''}.</p>
${metricsTable(report)}
${comparison ? comparisonTable(comparison) : ''}
${repeats(report)}
<h2>Cases</h2>
${results.map((result) => caseBlock(result, before.get(`${result.case}\n${result.repeat}`))).join('\n')}
</body></html>
`
}

const metricsTable = ({ summary }: EvalReportJson): string =>
  `<table><tr><th>metric</th><th>mean score</th><th></th></tr>${Object.entries(summary.metrics)
    .map(
      ([name, value]) =>
        `<tr><td>${text(name)}</td><td>${digits(value)}</td><td><svg width="200" height="12"><rect width="${Math.round(Math.min(1, Math.max(0, value)) * 200)}" height="12" class="bar"/></svg></td></tr>`,
    )
    .join('')}</table>`

const comparisonTable = ({ baseline, metrics, cases }: NonNullable<EvalReportJson['comparison']>): string => {
  const widest = Math.max(0.05, ...metrics.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]))
  const x = (value: number) => 150 + (Math.max(-widest, Math.min(widest, value)) / widest) * 140
  return `<h2>Against ${text(baseline?.variant ?? baseline?.id ?? 'the baseline')}, ${cases} cases</h2>
<table><tr><th>metric</th><th>before</th><th>now</th><th>difference, 95 % interval</th><th></th><th>p, corrected</th><th>could see</th><th>outcome</th></tr>${metrics
    .map(
      (one) =>
        `<tr><td>${text(one.metric)}</td><td>${digits(one.baseline)}</td><td>${digits(one.candidate)}</td><td>${points(one.mean)} [${points(one.low)}, ${points(one.high)}]</td><td><svg width="300" height="16"><line x1="150" x2="150" y1="0" y2="16" class="axis"/><line x1="${x(one.low).toFixed(1)}" x2="${x(one.high).toFixed(1)}" y1="8" y2="8" class="interval"/><circle cx="${x(one.mean).toFixed(1)}" cy="8" r="4" class="${one.outcome}"/></svg></td><td>${digits(one.adjusted_p)}</td><td>${percent(one.minimum_detectable)}</td><td>${one.outcome}</td></tr>`,
    )
    .join('')}</table>`
}

const repeats = ({ summary }: EvalReportJson): string =>
  summary.repeats.length === 0
    ? ''
    : `<table><tr><th>k</th><th>pass@k: one of k passes</th><th>pass^k: all of k pass</th></tr>${summary.repeats
        .map(({ k, pass_at_k, pass_hat_k }) => `<tr><td>${k}</td><td>${percent(pass_at_k)}</td><td>${percent(pass_hat_k)}</td></tr>`)
        .join('')}</table>`

const caseBlock = (result: Result, before: Result | undefined): string => {
  const state = result.error !== null ? 'error' : result.passed === null ? 'undecided' : result.passed ? 'ok' : 'failed'
  const was =
    before &&
    (before.passed === result.passed ? '' : `, before: ${before.passed === null ? 'not judged' : before.passed ? 'passed' : 'failed'}`)
  return `<details${state === 'ok' ? '' : ' open'}><summary class="${state}">${text(result.case)}${result.repeat > 0 ? ` #${result.repeat + 1}` : ''} <small>${state}${was ?? ''}</small></summary>
<p class="asked">${text(result.input)}</p>
${result.expected === null ? '' : `<p class="asked">expected: ${text(String(typeof result.expected === 'string' ? result.expected : JSON.stringify(result.expected)))}</p>`}
<div class="pair">${before ? `<div><h4>before</h4><pre>${text(before.output ?? before.error ?? '')}</pre></div>` : ''}<div><h4>${before ? 'now' : 'answer'}</h4><pre>${before ? marked(before.output ?? '', result.output ?? result.error ?? '') : text(result.output ?? result.error ?? '')}</pre></div></div>
${
  faults(result).length > 0
    ? `<ul>${faults(result)
        .map((fault) => `<li>${text(fault)}</li>`)
        .join('')}</ul>`
    : ''
}</details>`
}

/** The words that are new, and those that are gone. */
const marked = (before: string, now: string): string =>
  diffWords(before, now)
    .map(({ value, added, removed }) => (added ? `<ins>${text(value)}</ins>` : removed ? `<del>${text(value)}</del>` : text(value)))
    .join('')

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const text = (plain: string): string => plain.replace(/[&<>"]/g, (one) => entities[one] as string)

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1b1f24}
h1{font-size:1.3rem}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .7rem;border-bottom:1px solid #d8dee4;text-align:left}
.ok{color:#1a7f37}.failed,.regressed{color:#cf222e;fill:#cf222e}.undecided{color:#9a6700;fill:#9a6700}.error{color:#8250df}.non-inferior{fill:#1a7f37}
.bar{fill:#54aeff}.axis{stroke:#8c959f}.interval{stroke:#57606a;stroke-width:2}
details{border-left:3px solid #d8dee4;padding-left:.8rem;margin:.5rem 0}summary{cursor:pointer}.asked{color:#57606a;white-space:pre-wrap}
.pair{display:flex;gap:1rem}.pair>div{flex:1;min-width:0}pre{white-space:pre-wrap;background:#f6f8fa;padding:.6rem;margin:0}ins{background:#dafbe1;text-decoration:none}del{background:#ffebe9}`
