/**
 * How often do the stream detectors fire on 5,000 unchanged values, and how soon do they see a shift by one standard deviation?
 *
 * 200 streams of each kind. False alarms: the share of streams with any. Delay: values after the shift, which comes after 1,000, over the
 * streams that had been quiet until then. Page–Hinkley gets scores against the first 1,000 values of its stream, as a reference would give.
 *   bun test/bench/drift-streams.ts [streams]
 */
import { seededRandom } from '../../src/lib/stats/random.ts'
import { moments } from '../../src/lib/stats/sample.ts'
import { adwin } from '../../src/monitors/streams/adwin.ts'
import { pageHinkleyOfScores } from '../../src/monitors/streams/page-hinkley.ts'
import { gaussian, series } from '../monitors/support.ts'

const streams = Number(process.argv[2] ?? 200)
const random = seededRandom(20_261_128)
const length = 5000
const known = 1000

const yes = (rate: number) => (random() < rate ? 1 : 0)
const kinds = {
  'normal, +1 sd': (shifted: boolean) => gaussian(random) + (shifted ? 1 : 0),
  'logarithm of latency, ×2': (shifted: boolean) => 0.6 * gaussian(random) + 6 + (shifted ? Math.LN2 : 0),
  'rate of 5 %, then 20 %': (shifted: boolean) => yes(shifted ? 0.2 : 0.05),
  'rate of 20 %, then 40 %': (shifted: boolean) => yes(shifted ? 0.4 : 0.2),
}
const detectors = {
  adwin: () => adwin(),
  'page-hinkley of scores': (reference: readonly number[]) => pageHinkleyOfScores(moments(reference)),
}

console.log('| detector | stream | false alarms | median delay | longest | not seen in 1,000 |\n|---|---|---|---|---|---|')
for (const [detectorName, create] of Object.entries(detectors)) {
  for (const [kind, draw] of Object.entries(kinds)) {
    let falseAlarms = 0
    const delays: number[] = []
    let unseen = 0
    for (let stream = 0; stream < streams; stream++) {
      const unchanged = series(length, () => draw(false))
      if (firstAlarm(create(unchanged.slice(0, known)), unchanged) !== null) falseAlarms += 1
      const before = unchanged.slice(0, known)
      const detector = create(before)
      if (firstAlarm(detector, before) !== null) continue
      const delay = firstAlarm(
        detector,
        series(1000, () => draw(true)),
      )
      if (delay === null) unseen += 1
      else delays.push(delay + 1)
    }
    delays.sort((left, right) => left - right)
    console.log(
      `| ${detectorName} | ${kind} | ${((100 * falseAlarms) / streams).toFixed(1)} % | ${delays[delays.length >> 1]} | ${delays.at(-1)} | ${unseen} |`,
    )
  }
}

function firstAlarm(detector: { add(value: number): string }, values: readonly number[]): number | null {
  const place = values.findIndex((value) => detector.add(value) === 'drift')
  return place < 0 ? null : place
}
