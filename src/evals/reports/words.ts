import type { EvalReportJson } from './json.ts'

/** What the reports say alike. */
export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? '–' : `${Number((share * 100).toFixed(1))} %`
export const digits = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : String(Number(value.toPrecision(3)))
export const points = (difference: number): string => `${difference > 0 ? '+' : ''}${Number((difference * 100).toFixed(1))}`
export const usd = (value: number | null): string => (value === null ? 'unknown' : `$${value.toFixed(4)}`)

const verdicts = { ok: 'PASSED', failed: 'FAILED', undecided: 'UNDECIDED', error: 'NOT MEASURED WHOLE' } as const

export const headline = ({ gate, gate_reasons, suite, variant }: EvalReportJson): string =>
  `${verdicts[gate]}: ${suite}${variant ? ` on ${variant}` : ''}${gate_reasons.length > 0 ? ` (${gate_reasons.join('; ')})` : ''}`

export const counts = ({ summary }: EvalReportJson): string => {
  const { passed, failed, errors, undetermined, pass_rate, interval } = summary
  const parts = [
    `${passed} passed`,
    `${failed} failed`,
    ...(errors ? [`${errors} errors`] : []),
    ...(undetermined ? [`${undetermined} undetermined`] : []),
  ]
  return `${parts.join(', ')}: ${percent(pass_rate)}${interval ? ` [${percent(interval.low)}, ${percent(interval.high)}]` : ''}`
}

/** Why an answer did not pass. */
export const faults = ({ error, assertions }: EvalReportJson['results'][number]): string[] =>
  error !== null
    ? [error]
    : assertions
        .filter(({ pass }) => pass !== true)
        .map(({ type, pass, reason }) => `${type}${pass === null ? ' (undetermined)' : ''}: ${reason}`)
