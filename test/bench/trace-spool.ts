/**
 * What does recording cost a request, how long does it hold up the event loop, and how many traces a second go through to the database?
 *
 *   bun test/bench/trace-spool.ts [tracesPerSecond=10000] [seconds=5] [payloadBytes=1000]
 *
 * Embedded PGlite, or Postgres when TEST_DATABASE_URL is set; a spool and state in a temporary directory. A burst at the given rate, in
 * slices of 5 ms. "stall" is how late a 1 ms timer came; "idle stall" is the same before the load, and belongs to the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createRecorder } from '../../src/traces/recorder.ts'
import { aTrace } from '../support/trace.ts'

const [rate = 10_000, seconds = 5, payloadBytes = 1_000] = process.argv.slice(2).map(Number)
const stateDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
const openedAt = performance.now()
const handle = await openDatabase({ url: process.env.TEST_DATABASE_URL, stateDir })
const openedMs = performance.now() - openedAt
await migrate(handle.db)
const recorder = createRecorder({ spoolDir: join(stateDir, 'spool'), db: handle.db })
recorder.start()

const stalls: number[] = []
let last = performance.now()
const ticker = setInterval(() => {
  const now = performance.now()
  stalls.push(now - last - 1)
  last = now
}, 1)
const stallsSince = () => {
  const sorted = stalls.splice(0).sort((left, right) => left - right)
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} p99 ${at(0.99)} p99.9 ${at(0.999)} max ${(sorted.at(-1) ?? 0).toFixed(1)} ms`
}

await Bun.sleep(1_000)
console.log(`${handle.kind} opened in ${openedMs.toFixed(0)} ms; rss ${process.memoryUsage().rss >> 20} MB`)
console.log(`idle stall: ${stallsSince()}`)

const content = 'x'.repeat(payloadBytes)
const payload = { input: { messages: [{ role: 'user', content }] }, output: [{ role: 'assistant', content: 'yes' }] }
const slice = Math.round(rate / 200)
let recordMs = 0
const startedAt = performance.now()
for (let turn = 0; turn < seconds * 200; turn++) {
  const traces = Array.from({ length: slice }, () => aTrace({ payload }))
  const before = performance.now()
  for (const trace of traces) recorder.record(trace)
  recordMs += performance.now() - before
  const nextAt = startedAt + (turn + 1) * 5
  await Bun.sleep(Math.max(0, nextAt - performance.now()))
}
const loadMs = performance.now() - startedAt
const afterLoad = recorder.stats()
console.log(`load stall: ${stallsSince()}`)
console.log(
  `record(): ${((recordMs * 1_000) / afterLoad.recorded).toFixed(2)} µs each; ${((afterLoad.recorded / loadMs) * 1_000).toFixed(0)}/s offered`,
)
const flushAt = performance.now()
await recorder.flush()
console.log(`on disk ${(performance.now() - flushAt).toFixed(0)} ms after the last; in the database by then ${recorder.stats().inserted}`)
await recorder.drain()
const drainedMs = performance.now() - startedAt
console.log(`drain stall: ${stallsSince()}`)
const stats = recorder.stats()
console.log(`all ${stats.inserted} of ${stats.recorded} in the database at ${((stats.inserted / drainedMs) * 1_000).toFixed(0)}/s overall`)
console.log(JSON.stringify(stats), `rss ${process.memoryUsage().rss >> 20} MB`)
clearInterval(ticker)
await recorder.close()
await handle.close()
rmSync(stateDir, { recursive: true, force: true })
