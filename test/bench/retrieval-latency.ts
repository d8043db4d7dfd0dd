/**
 * How long does a hybrid search take at 20,000 chunks, how long does an unchanged folder of 1,000 documents cost, and is the gateway's loop ever blocked?
 *
 *     bun test/bench/retrieval-latency.ts [chunks] [queries]
 *
 * One process as `weir up` has it: PGlite in its thread, the index host and the ONNX engine as children, starter-embed. Text is drawn from a vocabulary
 * of 30,000 words by Zipf's law; queries are eight words of a chunk. Times are the room's own, one query at a time, after 50 to warm up. The loop is
 * measured by a timer that should fire every 5 ms, while documents are ingested and while queries run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createRetrieval } from '../../src/retrieval/retrieval.ts'
import { ingestTree } from '../../src/retrieval/source/tree.ts'
import { seededRandom } from '../retrieval/support/random.ts'
import { starterEmbedding } from './retrieval-embedding.ts'

const chunks = Number(process.argv[2] ?? 20_000)
const queries = Number(process.argv[3] ?? 300)
const stateDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const random = seededRandom(11)
const signal = new AbortController().signal

const syllables = ['ba', 'ke', 'lo', 'mi', 'nu', 'ra', 'se', 'ti', 'vo', 'zu']
/** Frequent words are short, as in any language. */
const word = () => [...String(Math.floor(30_000 ** random()))].map((digit) => syllables[Number(digit)]).join('')
const words = (count: number) => Array.from({ length: count }, word).join(' ')
const percentile = (values: number[], share: number) =>
  values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) * share)] ?? Number.NaN
const show = (values: number[]) =>
  `p50 ${percentile(values, 0.5).toFixed(2)} ms, p95 ${percentile(values, 0.95).toFixed(2)} ms, max ${percentile(values, 1).toFixed(1)} ms`

/**
 * How late a 5 ms timer fires, but no more than the CPU time that the process used meanwhile, all threads together: on a shared machine the rest is other
 * processes' doing.
 */
const watchLoop = () => {
  const late: number[] = []
  let due = performance.now() + 5
  let used = process.cpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(used)
    late.push(Math.min(Math.max(0, performance.now() - due), (user + system) / 1000))
    used = process.cpuUsage()
    due = performance.now() + 5
  }, 5)
  return () => {
    clearInterval(timer)
    return late
  }
}

const embedding = await starterEmbedding(stateDir)
const database = await openDatabase({ stateDir })
await migrate(database.db)
const retrieval = createRetrieval({
  database,
  stateDir,
  models: () => [embedding.model],
  sharedTenant: 'default',
  log: () => undefined,
  clock: Date.now,
})
try {
  const folder = join(stateDir, 'tree')
  mkdirSync(folder)
  const documents = 1000
  const sections = Math.ceil(chunks / documents)
  const samples: string[] = []
  for (let at = 0; at < documents; at += 1) {
    const bodies = Array.from({ length: sections }, () => words(90))
    samples.push(bodies[0] as string)
    writeFileSync(join(folder, `${at}.md`), bodies.map((body, part) => `# Part ${at}.${part}\n\n${body}`).join('\n\n'))
  }
  const collection = await retrieval.ensureCollection('default', 'bench', { embedding: embedding.model.embedder.id, kind: 'hnsw' })

  const ingestLoop = watchLoop()
  let from = performance.now()
  const summary = await ingestTree(retrieval, collection, { path: folder, prune: true }, signal)
  console.log(`ingest of ${summary.added} documents: ${((performance.now() - from) / 1000).toFixed(1)} s; loop late ${show(ingestLoop())}`)
  const live = await retrieval.indexes.opened(collection.activeIndexId)
  for (let stats = await live?.stats(); stats?.building; stats = await live?.stats()) await Bun.sleep(200)
  const stats = await live?.stats()
  console.log(`${stats?.count} chunks, searched by ${stats?.serving}`)

  const trees: number[] = []
  for (let round = 0; round < 5; round += 1) {
    from = performance.now()
    const again = await ingestTree(retrieval, collection, { path: folder, prune: true }, signal)
    if (again.unchanged !== documents) throw new Error('the tree changed')
    trees.push(performance.now() - from)
  }
  console.log(`unchanged tree of ${documents}: ${show(trees)}`)

  const totals: number[] = []
  const stages: { [stage: string]: number[] } = {}
  let searchLoop = watchLoop()
  for (let at = 0; at < queries + 50; at += 1) {
    if (at === 50) {
      searchLoop()
      searchLoop = watchLoop()
    }
    const query = (samples[at % samples.length] as string).split(' ').slice(0, 8).join(' ')
    const { timings } = await retrieval.search(collection, { query, limit: 8, requestId: 'bench', signal })
    if (at < 50) continue
    totals.push(timings.total)
    for (const [stage, ms] of Object.entries(timings)) stages[stage] = [...(stages[stage] ?? []), ms]
  }
  console.log(`hybrid search: ${show(totals)}; loop late ${show(searchLoop())}`)
  for (const [stage, values] of Object.entries(stages)) console.log(`  ${stage.padEnd(8)} ${show(values)}`)
} finally {
  await retrieval.close()
  await embedding.close()
  await database.close()
  rmSync(stateDir, { recursive: true, force: true })
}
