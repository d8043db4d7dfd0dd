/**
 * How often do the drift detectors cry wolf, and does the best of them notice a new topic?
 *
 * False alarms: windows of 100, 200 and 1,000 from the same distribution as a reference of 1,000, new samples in every run, for every
 * detector of the registry at its defaults, and with its effect floor taken away, which leaves the significance test alone. Numbers are
 * log-normal or small counts with many ties, categories have shares of 40 to 1 %, the rate is 5 %, and embeddings are unit vectors of 384
 * dimensions around 12 topics with a cosine of 0.5 within a topic.
 * Power: a tenth of the window is of a topic that the reference lacks.
 * Then the same of real questions: intents of banking77 through the bundled embedder, 24 of them known and one new.
 *   bun test/bench/drift-calibration.ts [runs of numbers] [runs of embeddings]      2,000 and 200, a quarter of that for windows of 1,000; 0 leaves them out
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../src/lib/stats/random.ts'
import type { Detector } from '../../src/monitors/detector.ts'
import { detectors } from '../../src/monitors/detectors/index.ts'
import { embedPassages } from '../../src/retrieval/embedding.ts'
import { countsOf, gaussian, series } from '../monitors/support.ts'
import { starterEmbedding } from './retrieval-embedding.ts'

const runs = { numbers: Number(process.argv[2] ?? 2000), embeddings: Number(process.argv[3] ?? 200) }
const sizes = [100, 200, 1000]
const referenceSize = 1000
const random = seededRandom(20_261_127)

type Tally = { alarms: number; unfloored: number; ms: number; effect: number }
type Sides = { reference: unknown; window: unknown }

const measure = (detector: Detector, times: number, sides: (run: number) => Sides): Tally => {
  const tally = { alarms: 0, unfloored: 0, ms: 0, effect: 0 }
  for (let run = 0; run < times; run++) {
    const { reference, window } = sides(run)
    const start = performance.now()
    const found = detector.compare(reference as never, window as never, { effectFloor: 0, seed: run })
    tally.ms += performance.now() - start
    if (found.outcome !== 'compared') throw new Error(found.reason)
    tally.effect += found.effect
    tally.unfloored += found.drifted ? 1 : 0
    tally.alarms += found.drifted && found.effect >= detector.effectFloor ? 1 : 0
  }
  return tally
}

const report = (what: string, size: number, times: number, { alarms, unfloored, ms, effect }: Tally) => {
  const share = (count: number) => `${((100 * count) / times).toFixed(1)} %`
  const row = [what, String(size), String(times), share(alarms), share(unfloored), (effect / times).toFixed(4), (ms / times).toFixed(1)]
  console.log(`| ${row.join(' | ')} |`)
}

const shares = [0.4, 0.3, 0.15, 0.1, 0.04, 0.01]
const category = () => {
  const at = random()
  let sum = 0
  return String(
    shares.findIndex((share) => {
      sum += share
      return at < sum
    }),
  )
}
const numbers = {
  'log-normal': (size: number) => series(size, () => Math.exp(gaussian(random))),
  counts: (size: number) => series(size, () => Math.floor(Math.exp(1 + 0.6 * gaussian(random)))),
}

console.log('## False alarms\n| detector | window | runs | alarms | without floor | mean effect | ms |\n|---|---|---|---|---|---|---|')
for (const detector of runs.numbers > 0 ? detectors : []) {
  for (const size of sizes) {
    const unchanged = (name: string, draw: (size: number) => unknown) =>
      report(
        `${detector.name}, ${name}`,
        size,
        runs.numbers,
        measure(detector, runs.numbers, () => ({ reference: draw(referenceSize), window: draw(size) })),
      )
    if (detector.kind === 'numeric') for (const [name, draw] of Object.entries(numbers)) unchanged(name, draw)
    else if (detector.name === 'two-proportion')
      unchanged('5 %', (count) => countsOf(series(count, () => (random() < 0.05 ? 'failed' : 'ok'))))
    else if (detector.kind === 'categorical') unchanged('6 categories', (count) => countsOf(series(count, category)))
  }
}

/** Unit vectors around topics that are drawn anew in every run; the last topic is the new one. */
const topics = 12
const synthetic = () => {
  const direction = () => unit(Float32Array.from({ length: 384 }, () => gaussian(random)))
  const centres = series(topics + 1, direction)
  const around = (topic: number) => {
    const noise = direction()
    return unit((centres[topic] as Float32Array).map((value, place) => value + (noise[place] as number)))
  }
  return (size: number, newShare: number) => series(size, () => around(random() < newShare ? topics : Math.floor(random() * topics)))
}
const unit = (vector: Float32Array): Float32Array => {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return vector.map((value) => value / length)
}

const embeddings = (name: string, create: () => (size: number, newShare: number) => Float32Array[]) => {
  for (const [title, newShare] of [
    ['False alarms', 0],
    ['Power, 10 % new topic', 0.1],
  ] as const) {
    console.log(`\n## ${title}, ${name}`)
    for (const detector of detectors.filter(({ kind }) => kind === 'vector')) {
      for (const size of sizes) {
        const sides = () => {
          const draw = create()
          return { reference: draw(referenceSize, 0), window: draw(size, newShare) }
        }
        // A window of 1,000 takes a second, and is not in doubt.
        const times = size < 1000 ? runs.embeddings : Math.ceil(runs.embeddings / 4)
        report(`${detector.name}, ${name}`, size, times, measure(detector, times, sides))
      }
    }
  }
}
if (runs.embeddings > 0) embeddings('12 topics, 384 dimensions', synthetic)

const banking = join(import.meta.dirname, '../../../shared/data/banking77')
const model = join(import.meta.dirname, '../../data/models/starter-embed')
if (runs.embeddings === 0) console.log('\nembeddings left out')
else if (existsSync(banking) && existsSync(model)) embeddings('banking77, starter-embed', await bankingSource())
else console.log('\nskipped banking77: ../shared/data/banking77 or data/models/starter-embed is not there')

async function bankingSource() {
  const known = new Set<string>(JSON.parse(readFileSync(join(banking, 'categories.json'), 'utf8')))
  const byIntent = new Map<string, string[]>()
  for (const file of ['train.csv', 'test.csv']) {
    for (const line of readFileSync(join(banking, file), 'utf8').trim().split(/\r?\n/).slice(1)) {
      const [, question = '', intent = ''] = line.match(/^(.*),([^,]*)$/) ?? []
      // Of a question of several lines, the last.
      if (!known.has(intent)) continue
      const text = question.replace(/^"(.*)"$/, '$1').replaceAll('""', '"')
      byIntent.set(intent, [...(byIntent.get(intent) ?? []), text])
    }
  }
  const stateDir = mkdtempSync(join(tmpdir(), 'weir-drift-'))
  const engine = await starterEmbedding(stateDir)
  const intents: Float32Array[][] = []
  for (const texts of byIntent.values())
    intents.push(await embedPassages(engine.model, texts, 'bench', 'bench', AbortSignal.timeout(600_000)))
  await engine.close()
  rmSync(stateDir, { recursive: true })
  console.log(`\n${intents.flat().length} questions of ${intents.length} intents, ${intents[0]?.[0]?.length} dimensions`)
  return () => {
    const order = shuffled(intents)
    const newIntent = order.find((questions) => questions.length >= 150) ?? []
    const fresh = shuffled(newIntent)
    const known = shuffled(
      order
        .filter((questions) => questions !== newIntent)
        .slice(0, 24)
        .flat(),
    )
    return (size: number, newShare: number) => {
      const count = series(size, () => random()).filter((at) => at < newShare).length
      const dealt = [...known.splice(0, size - count), ...fresh.splice(0, count)]
      if (dealt.length < size) throw new Error('the intents of this run have too few questions')
      return dealt
    }
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((left, right) => left.at - right.at)
    .map(({ item }) => item)
}
