import type { MonitorReportJson, ReplayJson, VariantReportJson } from '../monitors/json.ts'
import { table } from './table.ts'

/** A report for a terminal: for each variant who changed, its time line, every signal, and requests that show what drifts. */
export const reportText = ({ route, data }: MonitorReportJson): string =>
  data.length === 0
    ? `${route} has no reference: weir drift reference create --route ${route} --last 1000 --reason "…"`
    : data.map(variantText).join('\n\n')

const variantText = ({
  variant,
  verdict,
  reference,
  window,
  findings,
  alerts,
  golden,
  timeline,
  estimated,
  drifting,
}: VariantReportJson): string =>
  [
    `${variant}: ${verdict.text}`,
    `Reference ${reference.version}: ${reference.requests} requests, ${reference.from} to ${reference.to}.${
      window ? ` Newest window: ${window.requests} requests, ${window.from} to ${window.to}.` : ''
    }`,
    ...(timeline.length > 0 ? [`Windows: ${timeline.map(mark).join('')}  (· alike, o drifted, ! alarm, blank: not enough data)`] : []),
    ...(findings.length > 0 ? [findingsTable(findings)] : []),
    ...(alerts.length > 0
      ? [
          table(
            ['ALERT', 'SIGNAL', 'ABOUT', 'STATE', 'OWNER'],
            alerts.map((one) => [one.id, one.signal, one.tag, one.state, one.owner]),
          ),
        ]
      : []),
    ...estimated.map(estimatedLine),
    ...(golden.replays.length > 0 ? [replaysTable(golden.replays)] : []),
    ...drifting.flatMap(({ signal, examples }) =>
      examples.length > 0
        ? [
            table(
              [signal.toUpperCase(), 'ASKED', 'ANSWERED', 'TRACE'],
              examples.map((one) => [one.value, short(one.asked), short(one.answered), one.trace]),
            ),
          ]
        : [],
    ),
  ].join('\n\n')

const estimatedLine = ({ metric, accuracy, reference_accuracy, standard_error, reason }: VariantReportJson['estimated'][number]): string =>
  accuracy === null
    ? `Accuracy by ${metric} cannot be estimated: ${reason}.`
    : `Accuracy by ${metric}, estimated without labels: ${accuracy.toFixed(3)} ± ${(standard_error ?? 0).toFixed(3)}; in the reference ${(reference_accuracy ?? 0).toFixed(3)}.`

const findingsTable = (findings: VariantReportJson['findings']): string =>
  table(
    ['SIGNAL', 'ABOUT', 'REFERENCE', 'WINDOW', 'DETECTOR', 'EFFECT', 'P', ''],
    findings.map((one) => [
      ...[
        one.signal,
        one.tag,
        digits(one.reference_level),
        digits(one.window_level),
        one.detector,
        digits(one.effect),
        digits(one.adjusted_p),
      ],
      one.outcome === 'compared' ? (one.alarm ? 'alarm' : one.drifted ? 'drifted' : 'alike') : one.reason,
    ]),
  )

export const replaysTable = (replays: readonly ReplayJson[]): string =>
  table(
    ['GOLDEN SET', 'WHY', 'ANSWERED', 'EXACT', 'SIMILARITY', 'BASELINE', 'P', ''],
    replays.map((one) => [
      ...[one.started_at.slice(0, 16), one.reason, `${one.answered} of ${one.cases}`, digits(one.exact_share), digits(one.similarity)],
      ...[digits(one.baseline_similarity), digits(one.p_value)],
      one.status !== 'completed' ? (one.error ?? one.status) : one.moved === null ? 'baseline' : one.moved ? 'moved' : 'as before',
    ]),
  )

const mark = ({ signals }: VariantReportJson['timeline'][number]): string => {
  if (signals.some(({ alarm }) => alarm)) return '!'
  if (signals.some(({ drifted }) => drifted)) return 'o'
  return signals.some(({ outcome }) => outcome === 'compared') ? '·' : ' '
}

const short = (text: string | null): string | null => {
  const line = text?.replace(/\s+/g, ' ') ?? null
  return line !== null && line.length > 60 ? `${line.slice(0, 59)}…` : line
}
const digits = (value: number | null): string | null => (value === null ? null : String(Number(value.toPrecision(3))))
