/**
 * Question: how many texts a second does the local ONNX engine embed, sent in bulk and one by one from many callers, on Bun and on Node?
 *
 * Method: 512 passages of about 60 tokens; a model directory (the bundled starter-embed when none is given), one thread. "bulk" sends all in one request,
 * "single" sends each alone, 64 requests at a time, so that batching is the engine's doing. Called through the embedder port, child process and
 * channel included. Runs alternate between the runtimes; medians. CPU time is the child's, from /proc (Linux), because other work shares the machine.
 *
 *   bun test/bench/embeddings-throughput.ts [--model directory] [--dimensions 256] [--rounds 5] [--threads 1]
 */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { sha256File } from '../../src/lib/hash.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: resolve(import.meta.dirname, '../../data/models/starter-embed') },
    dimensions: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
  },
})
const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']
const files = await Promise.all(names.map(async (path) => ({ path, sha256: await sha256File(join(values.model, path)) })))
const caller = { tenant: 'bench', requestId: 'bench', signal: new AbortController().signal }
const texts = Array.from({ length: 512 }, (_, index) =>
  `Passage ${index}: orders above ${index * 3} euros ship free of charge, and refunds take ${index % 14} days after the parcel is back in the store. `.repeat(
    2,
  ),
)

/** CPU time of a process in seconds, at 100 ticks each. */
const cpuSeconds = (pid: number | undefined): number => {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13).map(Number) ?? []
  return ((user ?? 0) + (system ?? 0)) / 100
}
const median = (numbers: number[]) => numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] as number

const contenders = await Promise.all(
  (['bun', 'node'] as const).map(async (runtime) => {
    const engine = createOnnxEngine({
      cacheDir: join(tmpdir(), 'weir-bench'),
      log: () => undefined,
      runtime,
      threads: Number(values.threads),
    })
    const embedder = engine.embedder({ id: 'bench', directory: values.model, files, dimensions: Number(values.dimensions) })
    const { tokens } = await embedder.embed({ texts, ...caller })
    const bulk = () => embedder.embed({ texts, ...caller })
    const single = async () => {
      const waiting = texts.values()
      const worker = async () => {
        for (const text of waiting) await embedder.embed({ texts: [text], ...caller })
      }
      await Promise.all(Array.from({ length: 64 }, worker))
    }
    return { engine, tokens, runs: { bulk, single }, seen: { bulk: [] as [number, number][], single: [] as [number, number][] } }
  }),
)
for (let round = 0; round < Number(values.rounds); round++) {
  for (const way of ['bulk', 'single'] as const) {
    for (const { engine, runs, seen } of contenders) {
      const [startedAt, cpuBefore] = [performance.now(), cpuSeconds(engine.status().pid)]
      await runs[way]()
      seen[way].push([
        texts.length / ((performance.now() - startedAt) / 1_000),
        texts.length / (cpuSeconds(engine.status().pid) - cpuBefore),
      ])
    }
  }
}
console.log(`${(contenders[0]?.tokens ?? 0) / texts.length} tokens per text`)
console.table(
  contenders.map(({ engine, seen }) => ({
    runtime: engine.status().runtime,
    'bulk: texts/s': Math.round(median(seen.bulk.map(([wall]) => wall))),
    'bulk: texts/CPU s': Math.round(median(seen.bulk.map(([, cpu]) => cpu))),
    'single: texts/s': Math.round(median(seen.single.map(([wall]) => wall))),
    'single: texts/CPU s': Math.round(median(seen.single.map(([, cpu]) => cpu))),
    'resident MB': Math.round((engine.status().child?.rss ?? 0) / 1e6),
  })),
)
for (const { engine } of contenders) await engine.close()
