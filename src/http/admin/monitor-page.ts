import { html, raw } from 'hono/html'
import type { MonitorReportJson, VariantReportJson } from '../../monitors/json.ts'
import { sharesPlot, timelinePlot } from './monitor-plots.ts'

/** What drifts on a route, as one page that needs nothing else: no script, no font, no image. */
export const monitorPage = ({ route, at, data }: MonitorReportJson) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Drift of ${route}</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>Drift of <code>${route}</code></h1>
<p class="small">${at}</p>
${data.length === 0 ? html`<p>No variant has a reference yet: <code>weir drift reference create --route ${route}</code> makes one.</p>` : ''}
${data.map(variantSection)}
<footer>p is corrected across the signals of a window (Benjamini–Hochberg). An alarm needs drift in windows in a row. Personal data in examples is replaced by its kind.</footer>
</body>
</html>`

const variantSection = (report: VariantReportJson) => html`
<section>
<h2>${report.variant} <code>${report.variant_hash.slice(0, 12)}</code></h2>
<p class="lead ${report.verdict.kind}">${report.verdict.text}</p>
<p class="small">Reference ${report.reference.version}: ${whole(report.reference.requests)} requests, ${report.reference.from} to ${report.reference.to}.
${report.window ? `Newest window: ${whole(report.window.requests)} requests, ${report.window.from} to ${report.window.to}.` : 'No window has ended yet.'}</p>
${alertsTable(report.alerts)}
${report.timeline.length > 0 ? html`<figure>${raw(timelinePlot(report.timeline))}<figcaption>Green: compared and alike; orange: drifted; red: alarm; grey: not enough data</figcaption></figure>` : ''}
${report.estimated.map(estimatedLine)}
${report.drifting.map((one) => driftingSection(one, report))}
${goldenSection(report.golden)}
${findingsTable(report.findings)}
</section>`

const alertsTable = (alerts: VariantReportJson['alerts']) =>
  alerts.length === 0
    ? html`<p>No alert is open.</p>`
    : html`<table><thead><tr><th>Alert</th><th>About</th><th>State</th><th>Owner</th><th>Since</th></tr></thead><tbody>${alerts.map(
        ({ signal, tag, state, owner, opened_at }) =>
          html`<tr><td>${signal}</td><td>${tag}</td><td>${state}</td><td>${owner ?? '–'}</td><td>${opened_at}</td></tr>`,
      )}</tbody></table>`

const estimatedLine = ({ metric, accuracy, reference_accuracy, standard_error, reason }: VariantReportJson['estimated'][number]) =>
  html`<p>${
    accuracy === null
      ? `The accuracy by ${metric} cannot be estimated: ${reason}.`
      : `Accuracy by ${metric} before anybody has labelled the window: about ${digits(accuracy)} ± ${digits(standard_error)}, ${digits(reference_accuracy)} in the reference. Sound while the questions change, not when the right answers do.`
  }</p>`

const driftingSection = ({ signal, bins, examples }: VariantReportJson['drifting'][number], { findings }: VariantReportJson) => {
  const finding = findings.find((one) => one.signal === signal)
  return html`<h3>${signal} <span class="tag">${finding?.tag}</span></h3>
<p>${digits(finding?.reference_level)} → ${digits(finding?.window_level)}; ${finding?.effect_name} ${digits(finding?.effect)}, p ${digits(finding?.adjusted_p)}</p>
${bins.length === 0 ? '' : html`<figure>${raw(sharesPlot(bins))}<figcaption>Blue: the reference; red: the newest window</figcaption></figure>`}
${
  examples.length === 0
    ? ''
    : html`<table><thead><tr><th>Value</th><th>Asked</th><th>Answered</th><th>Trace</th></tr></thead><tbody>${examples.map(
        ({ value, asked, answered, trace }) =>
          html`<tr><td>${value}</td><td class="text">${asked ?? '–'}</td><td class="text">${answered ?? '–'}</td><td><code>${trace}</code></td></tr>`,
      )}</tbody></table>`
}`
}

const goldenSection = ({ replays, changed }: VariantReportJson['golden']) =>
  replays.length === 0
    ? ''
    : html`<h3>The golden set</h3>
<table><thead><tr><th>Asked at</th><th>Why</th><th>Exactly as before</th><th>Similarity</th><th>Of the baseline</th><th>p</th><th></th></tr></thead><tbody>${replays.map(
        (one) =>
          html`<tr><td>${one.started_at}</td><td>${one.reason}</td><td>${one.exact_share === null ? '–' : `${digits(one.exact_share * 100)} %`}</td><td>${digits(one.similarity)}</td><td>${digits(one.baseline_similarity)}</td><td>${digits(one.p_value)}</td><td class="${one.moved ? 'alarm' : ''}">${one.status !== 'completed' ? (one.error ?? one.status) : one.moved === null ? 'baseline' : one.moved ? 'moved' : 'as before'}</td></tr>`,
      )}</tbody></table>
${
  changed.length === 0
    ? ''
    : html`<table><thead><tr><th>Question</th><th>Similarity</th><th>Before</th><th>Now</th></tr></thead><tbody>${changed.map(
        (one) =>
          html`<tr><td>${one.case}</td><td>${digits(one.similarity)}</td><td class="text">${one.before ?? '–'}</td><td class="text">${one.now ?? '–'}</td></tr>`,
      )}</tbody></table>`
}`

const findingsTable = (findings: VariantReportJson['findings']) =>
  findings.length === 0
    ? ''
    : html`<h3>Every signal of the newest window</h3>
<table><thead><tr><th>Signal</th><th>About</th><th>Reference</th><th>Window</th><th>Detector</th><th>Effect</th><th>p</th><th></th></tr></thead><tbody>${findings.map(
        (one) =>
          html`<tr><td>${one.signal}</td><td>${one.tag}</td><td>${digits(one.reference_level)} <small>n ${whole(one.reference_n)}</small></td><td>${digits(one.window_level)} <small>n ${whole(one.window_n)}</small></td><td>${one.detector ?? '–'}</td><td>${digits(one.effect)}</td><td>${digits(one.adjusted_p)}</td><td class="${one.alarm ? 'alarm' : one.drifted ? 'drifted' : ''}">${one.outcome === 'compared' ? (one.alarm ? 'alarm' : one.drifted ? 'drifted' : 'alike') : one.reason}</td></tr>`,
      )}</tbody></table>`

const digits = (value: number | null | undefined): string => {
  if (value === null || value === undefined) return '–'
  return value !== 0 && Math.abs(value) < 0.0001 ? '< 0.0001' : String(Number(value.toPrecision(3)))
}
const whole = (value: number): string => value.toLocaleString('en-GB')

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #1a2330; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin-top: 1.6rem }
.lead { font-size: 1.05rem; border-left: 4px solid #3568a8; padding-left: .8rem } .lead.steady { border-color: #2b8a57 }
.lead.we_changed, .lead.both_changed, .lead.answers_changed { border-color: #b83a3a } .lead.users_changed { border-color: #e8a33d }
.small, footer, figcaption, small { color: #5a6573; font-size: .85rem }
.tag { font-size: .75rem; font-weight: normal; background: #e8edf4; border-radius: 3px; padding: .1rem .4rem }
table { border-collapse: collapse; margin: .8rem 0; font-size: .85rem; display: block; overflow-x: auto }
th, td { padding: .3rem .5rem; text-align: left; border-bottom: 1px solid #dde3ea; vertical-align: top } td.text { max-width: 24rem }
.alarm { color: #b83a3a; font-weight: bold } .drifted { color: #a06a10 }
figure { margin: .5rem 0 } svg { width: 100%; max-width: 900px; height: auto } svg text { font: 11px system-ui, sans-serif; fill: #1a2330 }
`
