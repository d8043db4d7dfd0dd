/**
 * How much of exact search does the graph find, how fast, and how long from start to the first answer out of a snapshot?
 *
 *     bun test/bench/retrieval-hnsw.ts [vectors] [queries]
 *
 * 100,000 × 384 clustered unit vectors (200 clusters of intrinsic dimension 48), M = 16, efConstruction = 200. Search times are of `HnswGraph.search` on one
 * thread, and of the same through the index host, as the gateway has it. Start: a new host opens the snapshot (checksums verified, read, self-test) and
 * answers one query.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExactVectors } from '../../src/retrieval/index/exact.ts'
import { defaultHnsw, HnswGraph, loadHnsw } from '../../src/retrieval/index/hnsw.ts'
import { createIndexHost } from '../../src/retrieval/index/hosted.ts'
import { writeSnapshot } from '../../src/retrieval/index/snapshot.ts'
import { TextIndex } from '../../src/retrieval/index/text-index.ts'
import { clusteredVectors } from '../retrieval/support/random.ts'

const size = Number(process.argv[2] ?? 100_000)
const queryCount = Number(process.argv[3] ?? 500)
const dimensions = 384
const k = 10
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const percentile = (values: number[], share: number) =>
  values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) * share)] ?? Number.NaN
const show = (values: number[]) => `p50 ${percentile(values, 0.5).toFixed(3)} ms, p99 ${percentile(values, 0.99).toFixed(3)} ms`

await loadHnsw()
const next = clusteredVectors({ dimensions, clusters: 200, seed: 42 })
const exact = new ExactVectors(dimensions, size)
const graph = new HnswGraph(dimensions, defaultHnsw, size)
let buildMs = 0
for (let label = 0; label < size; label += 1) {
  const vector = next()
  exact.add({ label, vector })
  const from = performance.now()
  graph.add({ label, vector })
  buildMs += performance.now() - from
}
const queries = Array.from({ length: queryCount }, next)
console.log(`build: ${(buildMs / 1000).toFixed(1)} s, ${((size / buildMs) * 1000).toFixed(0)} vectors/s`)

const truth = queries.map((query) => new Set(exact.search(query, k).map(({ label }) => label)))
for (const query of queries.slice(0, 100)) graph.search(query, k)
const times: number[] = []
let found = 0
for (const [at, query] of queries.entries()) {
  const from = performance.now()
  const neighbours = graph.search(query, k)
  times.push(performance.now() - from)
  found += neighbours.filter(({ label }) => truth[at]?.has(label)).length
}
console.log(`graph, efSearch ${defaultHnsw.efSearch}: recall@${k} ${(found / (queryCount * k)).toFixed(4)}, ${show(times)}`)

const spec = { indexId: 'bench', dimensions, hnsw: defaultHnsw }
let from = performance.now()
await writeSnapshot(folder, spec, size, graph, new TextIndex())
console.log(`snapshot written, read back and flushed: ${((performance.now() - from) / 1000).toFixed(2)} s`)

const host = createIndexHost({ cacheDir: folder, log: () => undefined })
from = performance.now()
const partition = host.partition({ indexId: 'bench', dimensions, vectors: 'hnsw', directory: folder })
const { seq, serving } = await partition.open()
if (!(await partition.findsItself()) || serving !== 'hnsw' || seq !== size) throw new Error('the snapshot was not loaded')
await partition.search(queries[0] as Float32Array, k)
console.log(`process start to first answer from the snapshot: ${((performance.now() - from) / 1000).toFixed(2)} s`)

const hosted: number[] = []
for (const query of [...queries.slice(0, 50), ...queries]) {
  const started = performance.now()
  await partition.search(query, k)
  hosted.push(performance.now() - started)
}
console.log(`through the host: ${show(hosted.slice(50))}`)
await host.close()
rmSync(folder, { recursive: true, force: true })
