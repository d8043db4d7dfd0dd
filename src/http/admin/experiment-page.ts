import { html, raw } from 'hono/html'
import type { ExperimentReport } from '../../rollout/report.ts'
import { differencePlot, meanPlot } from './experiment-plots.ts'

type MetricReport = ExperimentReport['metrics'][number]

/** An experiment's report as one page that needs nothing else: no script, no font, no image. */
export const experimentPage = (report: ExperimentReport) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Experiment ${report.experiment.route}</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>Experiment <code>${report.experiment.route}</code></h1>
${rolloutSentence(report)}
<p class="lead">${report.conclusion}</p>
${trafficTable(report)}
<p>${splitSentence(report)}</p>
${report.metrics.map((metric) => metricSection(metric, report))}
<footer>${footnotes(report)}</footer>
</body>
</html>`

const rolloutSentence = ({ experiment: { rollout } }: ExperimentReport) =>
  rollout
    ? html`<p>The two sides of rollout <code>${rollout.id}</code>: <b>candidate</b> is ${rollout.candidate}, <b>control</b> an equally large share on ${rollout.stable}.</p>`
    : ''

const trafficTable = ({ variants, experiment }: ExperimentReport) => html`
<table>
<thead><tr><th>Variant</th><th>Weight</th><th>Subjects</th><th>Requests</th></tr></thead>
<tbody>${variants.map(
  ({ variant, weightPercent, subjects, requests }) => html`
<tr><td>${variant}${variant === experiment.control ? ' (control)' : ''}</td><td>${weightPercent} %</td><td>${whole(subjects)}</td><td>${whole(requests)}</td></tr>`,
)}</tbody>
</table>`

const splitSentence = ({ experiment, split, leftOut }: ExperimentReport): string => {
  const { ofSeveralVariants, ofOtherVariants } = leftOut
  const left = ofSeveralVariants + ofOtherVariants
  const rest =
    left > 0
      ? ` ${whole(left)} subjects are left out: ${whole(ofSeveralVariants)} met several variants, ${whole(ofOtherVariants)} one that the route no longer has.`
      : ''
  if (!split)
    return `${experiment.movingWeights ? 'The weights move by themselves, so no split is expected.' : 'There is nothing to compare yet.'}${rest}`
  const verdict = split.mismatch ? 'does not fit the weights' : 'fits the weights'
  return `The split ${verdict} (sample ratio p = ${digits(split.p)}).${rest}`
}

const metricSection = (metric: MetricReport, { options }: ExperimentReport) => {
  const share = metric.arms.some((arm) => arm.effect?.test === 'two_proportion_z')
  const gap = (value: number | null | undefined) => shown(value, share ? 'points' : undefined)
  const range = (interval: { low: number; high: number } | null | undefined) =>
    interval ? `${gap(interval.low)} to ${gap(interval.high)}` : '–'
  return html`
<section>
<h2>${metric.name}${metric.primary ? html` <span class="tag">primary</span>` : ''} <span class="tag">${metric.role}</span></h2>
<p class="small">${metric.type}, ${metric.aggregation} per ${metric.level}; better when it ${metric.direction}s.
${metric.theta === null ? '' : `Adjusted for the period before (θ = ${digits(metric.theta)}).`}</p>
<ul>${metric.arms.flatMap(({ variant, verdict }) => (verdict ? [html`<li class="${verdict.kind}"><b>${variant}</b> ${verdict.text}</li>`] : []))}</ul>
<div class="plots">
<figure>${raw(meanPlot(metric.arms, share))}<figcaption>Mean and ${percent(1 - options.alpha)} interval</figcaption></figure>
<figure>${raw(differencePlot(metric.arms, share))}<figcaption>Difference from the control: thick, one look; thin, any number of looks</figcaption></figure>
</div>
<table>
<thead><tr><th>Variant</th><th>With value</th><th>Silent</th><th>Mean</th><th>Difference${share ? ', points' : ''}</th><th>One look</th><th>Any time</th><th>Lift</th><th>p, one look</th><th>p, any time</th><th>p, corrected</th><th>Detectable</th></tr></thead>
<tbody>${metric.arms.map(
    ({ variant, n, silent, mean, effect }) => html`
<tr><td>${variant}</td><td>${whole(n)}</td><td>${whole(silent)}</td><td>${shown(mean, share ? '%' : undefined)}</td><td>${gap(effect?.difference)}</td><td>${range(effect?.interval)}</td><td>${range(effect?.alwaysValid?.interval)}</td><td>${liftText(effect, metric.basis)}</td><td>${shownP(effect?.p)}</td><td>${shownP(effect?.alwaysValid?.p)}</td><td>${shownP(effect?.adjustedP)}</td><td>${gap(effect?.minimumDetectable)}</td></tr>`,
  )}</tbody>
</table>
</section>`
}

const footnotes = ({ experiment, options }: ExperimentReport): string => {
  const period = `Requests ${options.fromMs === undefined ? 'from the first' : `from ${iso(options.fromMs)}`} ${options.toMs === undefined ? 'to now' : `to ${iso(options.toMs)}`}.`
  const horizon = experiment.horizonSubjects
  const reading =
    horizon === undefined
      ? 'No horizon was declared, so verdicts rest on the always-valid interval.'
      : `Verdicts rest on the always-valid interval until ${whole(horizon)} subjects are in, and then on one look.`
  return `${period} ${reading} Corrected p: Benjamini–Hochberg over the variants. Detectable: by one look at this many subjects, four times in five.`
}

/** With the interval that the verdict rests on. */
const liftText = (effect: MetricReport['arms'][number]['effect'], basis: MetricReport['basis']): string => {
  if (!effect?.lift) return '–'
  const { value, interval, alwaysValidInterval } = effect.lift
  const range = basis === 'always_valid' ? alwaysValidInterval : interval
  const of = (share: number) => digits(share * 100)
  return `${of(value)} %${range ? ` (${of(range.low)} to ${of(range.high)})` : ''}`
}

/** Shares in per cent, and differences between them in percentage points. */
const shown = (value: number | null | undefined, unit: '%' | 'points' | undefined): string => {
  if (value === null || value === undefined) return '–'
  return unit === undefined ? digits(value) : `${(value * 100).toFixed(2)}${unit === '%' ? ' %' : ''}`
}
const shownP = (p: number | null | undefined): string => (p === null || p === undefined ? '–' : p < 0.0001 ? '< 0.0001' : digits(p))
const digits = (value: number): string => String(Number(value.toPrecision(3)))
const percent = (share: number): string => `${digits(share * 100)} %`
const whole = (value: number): string => value.toLocaleString('en-GB')
const iso = (ms: number): string => new Date(ms).toISOString()

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1280px; margin: 2rem auto; padding: 0 1rem; color: #1a2330; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.lead { font-size: 1.05rem; border-left: 4px solid #3568a8; padding-left: .8rem }
.small, footer, figcaption { color: #5a6573; font-size: .85rem }
.tag { font-size: .75rem; font-weight: normal; background: #e8edf4; border-radius: 3px; padding: .1rem .4rem }
table { border-collapse: collapse; margin: .8rem 0; font-size: .85rem; display: block; overflow-x: auto }
th, td { padding: .3rem .4rem; text-align: right; border-bottom: 1px solid #dde3ea; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
ul { list-style: none; padding: 0 } li { border-left: 4px solid #9aa5b1; padding-left: .8rem; margin: .3rem 0 }
li.better { border-color: #2b8a57 } li.worse, li.split_mismatch { border-color: #b83a3a }
.plots { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; flex: 1 1 420px } svg { width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #1a2330 }
`
