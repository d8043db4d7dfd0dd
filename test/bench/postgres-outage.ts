/**
 * Postgres stops for a minute under load, as a crash would: does a request fail, and is a trace lost?
 *
 *     bun test/bench/postgres-outage.ts [requests a second] [seconds away]
 *
 * `weir up` over a Postgres of its own and the mock upstream, 200 requests/s by default on an open schedule: 15 s with the database, 60 s
 * without, 30 s with it again. Every request has a subject of its own, and in the end the traces are counted by it. Compare the latency of the
 * three parts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { openDatabase } from '../../src/db/database.ts'
import { answersWell, startFaultyUpstream } from '../support/faulty-upstream.ts'
import { startCluster } from '../support/postgres-cluster.ts'
import { createWorkplace } from '../support/server-process.ts'

const rate = Number(process.argv[2] ?? 200)
const awaySeconds = Number(process.argv[3] ?? 60)
const before = 15
const after = 30

await using cluster = await startCluster()
await using upstream = await startFaultyUpstream(answersWell)
const folder = mkdtempSync(join(tmpdir(), 'weir-outage-'))
const place = createWorkplace(folder, {
  providers: { host: { kind: 'openai-compatible', base_url: upstream.url } },
  models: { m: { kind: 'llm', provider: 'host', model: 'm' } },
  routes: { support: { variants: [{ name: 'only', model: 'm' }] } },
})
const server = await place.start({ DATABASE_URL: cluster.url })
try {
  const parts = { before: [] as number[], away: [] as number[], after: [] as number[] }
  const failed: string[] = []
  let sent = 0
  const ask = async (part: keyof typeof parts) => {
    const subject = `request-${sent}`
    sent += 1
    const started = performance.now()
    try {
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-weir-subject': subject },
        body: JSON.stringify({ model: 'support', messages: [{ role: 'user', content: 'hello' }] }),
      })
      const text = await response.text()
      if (response.status !== 200) failed.push(`${part}: ${response.status} ${text.slice(0, 200)}`)
    } catch (error) {
      failed.push(`${part}: ${error}`)
    }
    parts[part].push(performance.now() - started)
  }
  const flights: Promise<void>[] = []
  const load = async (part: keyof typeof parts, seconds: number) => {
    const started = performance.now()
    for (let due = 0; due < rate * seconds; due += 1) {
      const waitMs = (due / rate) * 1000 - (performance.now() - started)
      if (waitMs > 1) await Bun.sleep(waitMs)
      flights.push(ask(part))
    }
  }
  await load('before', before)
  const stopping = cluster.stop()
  await load('away', awaySeconds)
  await stopping
  await cluster.start()
  await load('after', after)
  await Promise.all(flights)

  const backAt = performance.now()
  let stored = 0
  while (performance.now() - backAt < 60_000) {
    await using handle = await openDatabase({ url: cluster.url, stateDir: '', connections: 1 })
    const [row] = await handle.db.execute<{ traces: number; subjects: number }>(
      sql`select count(*)::int as traces, count(distinct subject)::int as subjects from traces where route = 'support'`,
    )
    stored = row?.subjects ?? 0
    if (row && row.traces === sent && row.subjects === sent) break
    await Bun.sleep(500)
  }
  const quantile = (values: number[], q: number) =>
    values.toSorted((left, right) => left - right)[Math.floor(values.length * q)]?.toFixed(2)
  for (const [part, values] of Object.entries(parts)) {
    console.log(`${part}: ${values.length} requests, p50 ${quantile(values, 0.5)} ms, p99 ${quantile(values, 0.99)} ms`)
  }
  console.log(`${failed.length} of ${sent} requests failed${failed.length > 0 ? `, such as ${failed[0]}` : ''}`)
  console.log(
    `${sent - stored} of ${sent} traces are missing, ${((performance.now() - backAt) / 1000).toFixed(1)} s after the last request`,
  )
} finally {
  server.signal('SIGTERM')
  await server.exited
  rmSync(folder, { recursive: true, force: true })
}
