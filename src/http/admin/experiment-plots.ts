import type { Interval } from '../../lib/stats/proportions.ts'
import type { ArmReading } from '../../rollout/experiment.ts'

/** Means with their intervals, one row for each variant, as SVG text. `share`: the values are shares, shown in per cent. */
export const meanPlot = (arms: readonly ArmReading[], share: boolean): string =>
  rowPlot(
    arms.map(({ variant, mean, interval }) => ({ label: variant, point: mean, thick: interval, thin: null })),
    share,
    null,
  )

/** Differences from the control with both intervals, and a line at zero. */
export const differencePlot = (arms: readonly ArmReading[], share: boolean): string =>
  rowPlot(
    arms.flatMap(({ variant, effect, verdict }) =>
      verdict
        ? [
            {
              label: variant,
              point: effect?.difference ?? null,
              thick: effect?.interval ?? null,
              thin: effect?.alwaysValid?.interval ?? null,
            },
          ]
        : [],
    ),
    share,
    0,
  )

type PlotRow = { label: string; point: number | null; thick: Interval | null; thin: Interval | null }

const rowPlot = (rows: readonly PlotRow[], share: boolean, reference: number | null): string => {
  const height = rows.length * rowHeight + 34
  const values = rows.flatMap(({ point, thick, thin }) => [point, thick?.low, thick?.high, thin?.low, thin?.high])
  const known = [...values, reference].filter((value) => value !== null && value !== undefined)
  const svg = (body: string) => `<svg viewBox="0 0 ${width} ${height}" role="img" xmlns="http://www.w3.org/2000/svg">${body}</svg>`
  if (values.every((value) => value === null || value === undefined)) return svg(`<text x="${left}" y="24">no data</text>`)

  const { ticks, low, high } = scaleOf(Math.min(...known), Math.max(...known))
  const x = (value: number) => (left + ((value - low) / (high - low)) * (width - left - right)).toFixed(1)
  const bottom = rows.length * rowHeight + 8
  const grid = ticks.map(
    (tick) =>
      `<line x1="${x(tick)}" x2="${x(tick)}" y1="4" y2="${bottom}" stroke="#e3e8ee"/>` +
      `<text x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${tickLabel(tick, share)}</text>`,
  )
  const zero =
    reference === null
      ? ''
      : `<line x1="${x(reference)}" x2="${x(reference)}" y1="4" y2="${bottom}" stroke="#5a6573" stroke-dasharray="4 3"/>`
  const bars = rows.map(({ label, point, thick, thin }, index) => {
    const y = index * rowHeight + rowHeight / 2 + 4
    const bar = (interval: Interval | null, stroke: number) =>
      interval
        ? `<line x1="${x(interval.low)}" x2="${x(interval.high)}" y1="${y}" y2="${y}" stroke="#3568a8" stroke-width="${stroke}" stroke-linecap="round"/>`
        : ''
    const dot =
      point === null ? `<text x="${left}" y="${y + 4}">no data</text>` : `<circle cx="${x(point)}" cy="${y}" r="4.5" fill="#12335c"/>`
    return `<text x="${left - 12}" y="${y + 4}" text-anchor="end">${escaped(label)}</text>${bar(thin, 1.5)}${bar(thick, 5)}${dot}`
  })
  return svg([...grid, zero, ...bars].join(''))
}

/** About five round numbers that enclose the values. */
const scaleOf = (least: number, most: number): { ticks: number[]; low: number; high: number } => {
  const span = most > least ? most - least : Math.abs(most) || 1
  const rough = span / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const first = Math.floor(least / step)
  const last = Math.max(Math.ceil(most / step), first + 1)
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
  return { ticks, low: first * step, high: last * step }
}

const tickLabel = (tick: number, share: boolean): string =>
  share ? `${Number((tick * 100).toPrecision(4))} %` : String(Number(tick.toPrecision(4)))

const escaped = (text: string): string => {
  const short = text.length > 18 ? `${text.slice(0, 17)}…` : text
  return short.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

const width = 520
const left = 130
const right = 30
const rowHeight = 34
