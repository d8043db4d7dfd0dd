/**
 * What does Weir cost, with authentication, routing, tracing to a durable spool, cost and metrics on, next to a bare Hono-on-Bun
 * passthrough in front of the same upstream?
 *
 *     bun test/bench/gateway.ts [rounds] [requests for the memory run]
 *
 * Four processes: the mock upstream, the passthrough, Weir as `weir up` starts it, and the load generator, whose own ceiling is what it
 * reaches against the upstream alone. Runs are interleaved and medians reported, because the machine is not ours alone. CPU per request
 * is all threads of the process, from /proc; unlike requests per second it hardly moves with what else the machine does.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const rounds = Number(process.argv[2] ?? 5)
const memoryRequests = Number(process.argv[3] ?? 200_000)
const here = import.meta.dir
const root = join(here, '../..')
const key = `weir_bench_${crypto.randomUUID().replaceAll('-', '')}`
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const ports = { upstream: freePort(), passthrough: freePort(), weir: freePort() }
const upstreamUrl = `http://127.0.0.1:${ports.upstream}/v1`

writeFileSync(
  join(folder, 'weir.yaml'),
  `providers: {mock: {kind: openai-compatible, base_url: '${upstreamUrl}', api_key: none}}
models: {mock-model: {kind: llm, provider: mock, model: mock}}
routes: {mock: {variants: [{name: control, weight_percent: 90, model: mock-model}, {name: candidate, weight_percent: 10, model: mock-model}]}}
`,
)
const environment = {
  ...process.env,
  BUN_CONFIG_MAX_HTTP_REQUESTS: '65336',
  WEIR_CONFIG: join(folder, 'weir.yaml'),
  WEIR_STATE_DIR: join(folder, 'state'),
  WEIR_ADMIN_KEY: key,
  WEIR_LOG_LEVEL: 'warn',
  PORT: String(ports.weir),
}
let done = false
const start = (...args: string[]) =>
  Bun.spawn([process.execPath, ...args], {
    cwd: root,
    env: environment,
    stdout: 'ignore',
    stderr: 'inherit',
    onExit: (_, code, signal) => {
      if (!done) console.error(`${args[0]} ended early: ${signal ?? code}`)
    },
  })
const processes = {
  upstream: start('test/support/mock-openai.ts', '--port', String(ports.upstream), '--tokens', '32', '--tokens-per-chunk', '4'),
  passthrough: start('test/bench/gateway-passthrough.ts', String(ports.passthrough), upstreamUrl),
  weir: start('src/main.ts', 'up'),
}
type Server = keyof typeof processes
const servers = Object.keys(processes) as Server[]

function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const { port } = probe
  probe.stop(true)
  return port as number
}

const load = async <Result>(server: Server, mode: string, ...numbers: number[]): Promise<Result> => {
  const args = ['test/bench/gateway-load.ts', mode, String(ports[server]), key, ...numbers.map(String)]
  const generator = Bun.spawn([process.execPath, ...args], { cwd: root, stdout: 'pipe', stderr: 'inherit' })
  return JSON.parse(await new Response(generator.stdout).text()) as Result
}

/** Milliseconds of CPU, user and system, of all threads so far. Linux counts in hundredths of a second. */
const cpuMs = (server: Server): number => {
  const fields = readFileSync(`/proc/${processes[server].pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
const rssMb = (server: Server): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processes[server].pid}/status`, 'utf8'))?.[1]) / 1024

const median = (values: number[]): number => values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN
const row = (name: string, ...cells: (number | string)[]) =>
  console.log([name.padEnd(34), ...cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell).padStart(12))].join(''))

type Runs = Record<Server, number[][]>

/** Runs a measurement, which may have several figures, on every server in turn, round after round. */
const interleaved = async (measure: (server: Server) => Promise<number[]>): Promise<Runs> => {
  const all: Runs = { upstream: [], passthrough: [], weir: [] }
  for (let round = 0; round < rounds; round += 1) for (const server of servers) all[server].push(await measure(server))
  return all
}

/** A row of one figure by server, and what comparing the last with another makes of it. */
const figures = (
  name: string,
  runs: Runs,
  column: number,
  pick: (values: number[]) => number,
  compare?: (values: Record<Server, number>) => number,
) => {
  const of = (server: Server) => pick(runs[server].map((run) => run[column] as number))
  const values = { upstream: of('upstream'), passthrough: of('passthrough'), weir: of('weir') }
  row(name, ...Object.values(values), ...(compare ? [compare(values)] : []))
}
const ratio = ({ weir, passthrough }: Record<Server, number>) => weir / passthrough
const added = ({ weir, upstream }: Record<Server, number>) => weir - upstream
const least = (values: number[]) => Math.min(...values)

const untilReady = async () => {
  for (let tries = 0; tries < 300; tries += 1) {
    const ready = await fetch(`http://127.0.0.1:${ports.weir}/readyz`).catch(() => undefined)
    if (ready?.ok) return
    await Bun.sleep(100)
  }
  throw new Error('weir did not become ready')
}

try {
  await untilReady()
  const idleMb = rssMb('weir')
  for (const server of servers) await load(server, 'count', 20_000)

  console.log(`load average ${readFileSync('/proc/loadavg', 'utf8').slice(0, 14)}, ${rounds} rounds, 32 connections\n`)
  row('', ...servers, 'weir/bare')
  for (const [name, mode] of [
    ['whole answers', 'throughput'],
    ['streams', 'stream-throughput'],
  ] as const) {
    const runs = await interleaved(async (server) => {
      const before = cpuMs(server)
      const { perSecond } = await load<{ perSecond: number }>(server, mode, 32, 4)
      return [perSecond, ((cpuMs(server) - before) * 1000) / (perSecond * 4)]
    })
    figures(`${name}, req/s`, runs, 0, median, ratio)
    figures(`${name}, CPU µs per request`, runs, 1, median, ratio)
  }

  type Quantiles = { p50: number; p99: number }
  console.log()
  row('', ...servers, 'weir added')
  const fixed = await interleaved(async (server) => {
    const { p50, p99 } = await load<Quantiles>(server, 'latency', 1000, 5)
    return [p50, p99]
  })
  figures('1,000 req/s, p50 ms', fixed, 0, median, added)
  figures('1,000 req/s, p99 ms', fixed, 1, median, added)
  // Stalls are mostly other people's: the quietest round says what is ours.
  figures('1,000 req/s, p99 ms, best round', fixed, 1, least, added)
  const first = await interleaved(async (server) => [(await load<Quantiles>(server, 'first-byte', 2000)).p50])
  figures('first byte of a stream, p50 ms', first, 0, median, added)

  console.log()
  row('RSS of weir, MB: idle', idleMb)
  for (let sent = 0; sent < memoryRequests; sent += memoryRequests / 8) {
    await load('weir', 'count', memoryRequests / 8)
    await Bun.sleep(1000)
    row(`  after ${Math.round(sent + memoryRequests / 8).toLocaleString('en')} requests`, rssMb('weir'))
  }
} finally {
  done = true
  for (const process of Object.values(processes)) process.kill()
  await Promise.all(Object.values(processes).map((process) => process.exited))
  rmSync(folder, { recursive: true, force: true })
}
