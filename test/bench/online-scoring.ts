/**
 * What does it cost to look for live answers to score, on a route with much traffic?
 *
 *     TEST_DATABASE_URL=postgres://… bun test/bench/online-scoring.ts [traces]
 *
 * A database of its own gets 300,000 traces of one route at 100 a second, their payloads, and a mark ten seconds old. The first look takes the
 * sample of 1 % of the 15 minutes in which a trace may come late; the others find that there is nothing new, as most looks do.
 */
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { claimTraces } from '../../src/evals/online/claim.ts'

const server = process.env.TEST_DATABASE_URL
if (server === undefined) throw new Error('TEST_DATABASE_URL names the Postgres to measure on')
const count = Number(process.argv[2] ?? 300_000)
const name = `weir_bench_${Bun.randomUUIDv7().replaceAll('-', '')}`
const asAdmin = async (statement: string) => {
  const client = postgres(server, { max: 1, onnotice: () => {} })
  await client.unsafe(statement).finally(() => client.end())
}

await asAdmin(`create database ${name}`)
const url = new URL(server)
url.pathname = `/${name}`
const { db, close } = await openDatabase({ url: url.href, stateDir: '' })
try {
  await migrate(db)
  const nowMs = Date.parse('2026-11-20T12:00:00Z')
  const from = new Date(nowMs - count * 10).toISOString()
  await db.execute(sql`
    insert into traces (id, started_at, endpoint, status, tenant, route, variant, stream, latency_ms, attempts)
    select gen_random_uuid(), ${from}::timestamptz + n * interval '10 milliseconds', 'chat', 'ok', 'default', 'busy', 'a', false, 10, 1
    from generate_series(1, ${count}::int) n`)
  await db.execute(sql`insert into trace_payloads (id, started_at, payload) select id, started_at, '{}'::jsonb from traces`)
  await db.execute(sql`insert into online_score_marks values ('busy', ${new Date(nowMs - 10_000).toISOString()}::timestamptz)`)
  await db.execute(sql`analyze`)
  for (let look = 1; look <= 6; look += 1) {
    const startedMs = performance.now()
    const claims = await claimTraces(db, { route: 'busy', samplePercent: 1, limit: 5_000, nowMs: nowMs + look, holdMs: 600_000 })
    console.log(`look ${look}: ${(performance.now() - startedMs).toFixed(0)} ms, ${claims?.length} traces taken`)
  }
} finally {
  await close()
  await asAdmin(`drop database ${name} with (force)`)
}
