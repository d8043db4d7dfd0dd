import type { VariantReportJson } from '../../monitors/json.ts'

/** Shares of the reference and of the window, bin by bin, side by side, as SVG text. */
export const sharesPlot = (bins: readonly { label: string; reference: number; window: number }[]): string => {
  if (bins.length === 0) return ''
  const most = Math.max(...bins.flatMap(({ reference, window }) => [reference, window]), 1e-9)
  const step = (width - left) / bins.length
  const bars = bins.map(({ label, reference, window }, index) => {
    const x = left + index * step
    const bar = (share: number, offset: number, fill: string) => {
      const tall = (share / most) * (height - 34)
      return `<rect x="${(x + offset * step).toFixed(1)}" y="${(height - 24 - tall).toFixed(1)}" width="${(step * 0.4).toFixed(1)}" height="${tall.toFixed(1)}" fill="${fill}"/>`
    }
    const every = Math.ceil(bins.length / 8)
    const name =
      index % every === 0
        ? `<text x="${(x + step * 0.5).toFixed(1)}" y="${height - 8}" text-anchor="middle">${escaped(label, 14)}</text>`
        : ''
    return `${bar(reference, 0.08, '#8aa4c8')}${bar(window, 0.52, '#c8553d')}${name}`
  })
  const axis = `<text x="${left - 6}" y="16" text-anchor="end">${(most * 100).toPrecision(2)} %</text><line x1="${left}" x2="${width}" y1="${height - 24}" y2="${height - 24}" stroke="#5a6573"/>`
  return `<svg viewBox="0 0 ${width} ${height}" role="img" xmlns="http://www.w3.org/2000/svg">${axis}${bars.join('')}</svg>`
}

/** A row for each signal, a cell for each window: quiet, drifted, or an alarm. */
export const timelinePlot = (timeline: VariantReportJson['timeline']): string => {
  const signals = [...new Set(timeline.flatMap((window) => window.signals.map(({ signal }) => signal)))].sort()
  if (signals.length === 0) return ''
  const step = Math.min(18, (width - nameWidth) / timeline.length)
  const tall = signals.length * rowHeight + 22
  const rows = signals.map((name, row) => {
    const cells = timeline.map(({ from, signals: found }, index) => {
      const one = found.find(({ signal }) => signal === name)
      const fill = one === undefined || one.outcome !== 'compared' ? '#eef1f5' : one.alarm ? '#b83a3a' : one.drifted ? '#e8a33d' : '#9fc7ae'
      const told = one?.outcome === 'compared' ? `effect ${Number((one.effect ?? 0).toPrecision(3))}` : 'not enough data'
      return `<rect x="${(nameWidth + index * step).toFixed(1)}" y="${row * rowHeight + 2}" width="${(step - 1).toFixed(1)}" height="${rowHeight - 3}" fill="${fill}"><title>${escaped(`${name} ${from}: ${told}`, 120)}</title></rect>`
    })
    return `<text x="${nameWidth - 8}" y="${row * rowHeight + 13}" text-anchor="end">${escaped(name, 24)}</text>${cells.join('')}`
  })
  const date = (y: number, x: number, anchor: string, from = '') =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${from.slice(0, 16)}</text>`
  const end = nameWidth + timeline.length * step
  // Too few windows to stand between their dates: one date says enough.
  const ends =
    date(tall - 6, nameWidth, 'start', timeline[0]?.from) + (end - nameWidth > 260 ? date(tall - 6, end, 'end', timeline.at(-1)?.from) : '')
  return `<svg viewBox="0 0 ${width} ${tall}" role="img" xmlns="http://www.w3.org/2000/svg">${rows.join('')}${ends}</svg>`
}

const escaped = (text: string, most: number): string => {
  const short = text.length > most ? `${text.slice(0, most - 1)}…` : text
  return short.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const width = 720
const height = 190
const left = 56
const nameWidth = 170
const rowHeight = 18
