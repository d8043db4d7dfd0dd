/**
 * What do the stream detectors say of a market that is known to drift?
 *
 * Electricity of New South Wales, 45,312 half hours of 1996 to 1998 (Harries 1999): demand, price, and whether the price is above its mean
 * of the day before. Both detectors read the price class, as a rate like that of errors, and demand, which has a daily and a yearly cycle;
 * and the errors of a forecast, "as it was half an hour ago", whose quality is what a monitor is asked about. Page–Hinkley gets scores
 * against the first 1,000 values; ADWIN reads the values, which are already between 0 and 1.
 *   bun test/bench/drift-elec.ts [--html FILE]      also as a page with the daily means and the alarms
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { moments } from '../../src/lib/stats/sample.ts'
import { adwin } from '../../src/monitors/streams/adwin.ts'
import { pageHinkleyOfScores } from '../../src/monitors/streams/page-hinkley.ts'
import type { StreamDetector } from '../../src/monitors/streams/stream.ts'

const path = join(import.meta.dirname, '../../../shared/data/drift-streams/elec.csv')
if (!existsSync(path)) {
  console.log('skipped: ../shared/data/drift-streams/elec.csv is not there')
  process.exit(0)
}

const rows = readFileSync(path, 'utf8')
  .trim()
  .split(/\r?\n/)
  .slice(1)
  .map((line) => line.split(',').map(Number))
const column = (place: number) => rows.map((row) => row[place] as number)
const classes = column(6)
const signals = {
  'price class': classes,
  demand: column(2),
  'errors of the forecast': classes.map((value, place) => (place > 0 && value !== classes[place - 1] ? 1 : 0)),
}
/** Values from which Page–Hinkley takes its mean and deviation. */
const warmUp = 1000

const halfHoursPerDay = 48
const plots: string[] = []
for (const [name, values] of Object.entries(signals)) {
  for (const detector of [adwin(), pageHinkleyOfScores(moments(values.slice(0, warmUp)))]) {
    const start = performance.now()
    const found = alarms(detector, values)
    const nanoseconds = ((performance.now() - start) * 1e6) / values.length
    console.log(
      `${name}, ${detector.name}: ${found.length} alarms in ${values.length} values, ${nanoseconds.toFixed(0)} ns each, on days ` +
        `${found.map((place) => Math.floor(place / halfHoursPerDay)).join(' ')}`,
    )
    console.log(`  at ${found.join(' ')}`)
    plots.push(plot(`${name}, ${detector.name}: ${found.length} alarms`, values, found))
  }
}

const html = process.argv.indexOf('--html')
if (html > 0) {
  const page = process.argv[html + 1] ?? 'drift-elec.html'
  const style = 'body{font:14px system-ui;margin:2rem;max-width:900px}h2{font-size:1rem;margin:1.5rem 0 .3rem}'
  const head = `<!doctype html><meta charset="utf-8"><title>Electricity: alarms of the stream detectors</title><style>${style}</style>`
  await Bun.write(page, `${head}<h1>Electricity: daily means, and where the stream detectors raised an alarm</h1>${plots.join('')}`)
  console.log(`written to ${page}`)
}

/** Daily means as a line, alarms as upright strokes. */
function plot(title: string, values: readonly number[], found: readonly number[]): string {
  const days = Array.from({ length: Math.floor(values.length / halfHoursPerDay) }, (_, day) => {
    const of = values.slice(day * halfHoursPerDay, (day + 1) * halfHoursPerDay)
    return of.reduce((sum, value) => sum + value, 0) / of.length
  })
  const [low, high] = [Math.min(...days), Math.max(...days)]
  const [width, height] = [880, 150]
  const x = (day: number) => ((day / days.length) * width).toFixed(1)
  const line = days.map((mean, day) => `${x(day)},${(height - ((mean - low) / (high - low || 1)) * height).toFixed(1)}`).join(' ')
  const strokes = found.map(
    (place) => `<line x1="${x(place / halfHoursPerDay)}" x2="${x(place / halfHoursPerDay)}" y1="0" y2="${height}" stroke="#c8553d"/>`,
  )
  return `<h2>${title}</h2><svg viewBox="0 0 ${width} ${height}" role="img">${strokes.join('')}<polyline points="${line}" fill="none" stroke="#33547f" stroke-width="1"/></svg>`
}

function alarms(detector: StreamDetector, values: readonly number[]): number[] {
  return values.flatMap((value, place) => (detector.add(value) === 'drift' ? [place] : []))
}
