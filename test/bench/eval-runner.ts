/**
 * What does the runner of suites cost a case, beyond the answer itself, and does its memory grow?
 *
 *     bun test/bench/eval-runner.ts [cases]
 *
 * The mock upstream answers at once, in a process of its own; `weir up` with PGlite runs a suite of 1,000 cases at concurrency 16 over it, with two
 * assertions each. The overhead of a case is the wall time of the run, less what the answers took by their own traces at that concurrency,
 * divided by the cases. The CPU of the server holds everything: its PGlite, the answers themselves and the report. Memory is the resident size of the server after each of five runs.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EvalReportJson } from '../../src/evals/reports/json.ts'
import { createWorkplace, type ServerProcess } from '../support/server-process.ts'

const count = Number(process.argv[2] ?? 1000)
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-evals-'))
const probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
const port = probe.port
await probe.stop(true)
const upstream = Bun.spawn([process.execPath, join(import.meta.dir, '../support/mock-openai.ts'), '--port', String(port)], {
  stdout: 'ignore',
})
const place = createWorkplace(folder, {
  providers: { mock: { kind: 'openai-compatible', base_url: `http://127.0.0.1:${port}/v1` } },
  models: { mock: { kind: 'llm', provider: 'mock', model: 'mock' } },
  routes: { asked: { variants: [{ name: 'stable', model: 'mock' }] } },
})
mkdirSync(join(folder, 'evals'))
writeFileSync(
  join(folder, 'evals', 'bench.yaml'),
  `target: {route: asked}\nconcurrency: 16\ndatasets: [{file: cases.jsonl}]\ndefaults: {assert: [{type: contains, value: word0}, {type: regex, value: 'word\\d'}]}\n`,
)
writeFileSync(
  join(folder, 'evals', 'cases.jsonl'),
  Array.from({ length: count }, (_, at) => JSON.stringify({ id: at, input: `Question ${at}?` })).join('\n'),
)
let server: ServerProcess | undefined
const rssMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server?.pid}/status`, 'utf8'))?.[1]) / 1024
/** Of every thread of the server; the machine may be busy with other things. */
const cpuMs = () => {
  const fields = readFileSync(`/proc/${server?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

try {
  server = await place.start()
  console.log(`load average ${readFileSync('/proc/loadavg', 'utf8').slice(0, 14)}, ${count} cases, concurrency 16`)
  for (let round = 1; round <= 5; round += 1) {
    const beforeMs = cpuMs()
    const { code, out, notes } = await place.run(['eval', 'run', 'bench', '--no-cache', '--json'])
    if (code !== 0) throw new Error(notes)
    const report = JSON.parse(out) as EvalReportJson
    const wallMs = Date.parse(report.finished_at ?? '') - Date.parse(report.started_at)
    const answersMs = report.results.reduce((sum, { latency_ms }) => sum + (latency_ms ?? 0), 0) / 16
    console.log(
      `run ${round}: ${(wallMs / count).toFixed(2)} ms a case, of which answers ${(answersMs / count).toFixed(2)} ms; overhead ${((wallMs - answersMs) / count).toFixed(2)} ms; CPU of the server ${((cpuMs() - beforeMs) / count).toFixed(2)} ms; RSS ${rssMb().toFixed(0)} MB`,
    )
  }
} finally {
  server?.signal('SIGTERM')
  await server?.exited
  upstream.kill()
  rmSync(folder, { recursive: true, force: true })
}
