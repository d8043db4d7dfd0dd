/**
 * What does monitoring cost: how long does a drift report take over a million traces, and how many requests fewer does a gateway answer while
 * it is monitored?
 *
 *     TEST_DATABASE_URL=postgres://… bun test/bench/monitors.ts report [traces]
 *     [TEST_DATABASE_URL=postgres://…] bun test/bench/monitors.ts cost
 *     bun test/bench/monitors.ts throughput [rounds] [seconds]
 *
 * report: traces of a day with their payloads, made by the database; one minute after the other is counted and its samples are read, as a
 * server does; the first six hours are the reference, windows of an hour follow, and in the last three prompts are longer. Then the report is
 * read as `GET /admin/monitors/{route}/report` does, and as a page.
 *
 * cost: the CPU of all threads, those of the embedded database included, that a look takes which counts a minute of traffic, looks once more at
 * one before it, reads the samples, compares a window of that minute (a usual one has sixty) and opens alerts; by requests of the minute.
 *
 * throughput: `weir up` with PGlite and without monitors, and the same with windows of a minute (a usual one has sixty), in turn, each run a
 * fresh server under full load for longer than a minute, so that counting, reading samples, comparing and alerting are all in it. CPU is all
 * threads of the process, the database's included.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { monitorPage } from '../../src/http/admin/monitor-page.ts'
import { createMonitorController } from '../../src/monitors/controller.ts'
import { variantReportJson } from '../../src/monitors/json.ts'
import type { MonitorPlan } from '../../src/monitors/plan.ts'
import { createReference } from '../../src/monitors/reference.ts'
import { readReport } from '../../src/monitors/report.ts'
import { rollUp } from '../../src/monitors/roll-up.ts'
import { signals } from '../../src/monitors/signals.ts'

const median = (values: number[]): number => values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN
const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const started = performance.now()
  const value = await work()
  return [value, performance.now() - started]
}

const report = async (count: number) => {
  const url = process.env.TEST_DATABASE_URL
  if (!url) throw new Error('set TEST_DATABASE_URL to a Postgres on which databases may be created')
  const name = `weir_bench_${Bun.randomUUIDv7().replaceAll('-', '')}`
  const admin = await openDatabase({ url, stateDir: '', connections: 1 })
  await admin.db.execute(sql.raw(`create database ${name}`))
  const own = new URL(url)
  own.pathname = `/${name}`
  const database = await openDatabase({ url: own.href, stateDir: '' })
  const { db } = database
  try {
    await migrate(db)
    const dayMs = Date.parse('2026-11-20T00:00:00Z')
    const hourMs = 3_600_000
    const [, insertMs] = await timed(() => insert(db, count, dayMs))
    console.log(`${count.toLocaleString('en')} traces and payloads of a day made in ${(insertMs / 1000).toFixed(0)} s`)
    await db.execute(sql`vacuum analyze traces, trace_payloads`)

    const plan: MonitorPlan = {
      ...{ route: 'support', window: { minutes: 60 }, likeHours: false, minSamples: 50, alpha: 0.05, consecutive: 2, latenessMs: 300_000 },
      ...{ autoReference: null, embedder: null, examples: {}, signals: {}, actions: [], golden: null },
    }
    let nowMs = dayMs + 6 * hourMs + 10 * 60_000
    const look = createMonitorController({
      ...{ db, clock: () => nowMs, plans: () => [plan], signals: () => signals, embedderOf: () => undefined, afterwards: async () => {} },
      tickMs: 1000,
      onError: (error) => {
        throw error
      },
    })
    const [, sixHoursMs] = await timed(look.tick)
    const stretch = { route: 'support', variantHash: 'f'.repeat(64), fromMs: dayMs, toMs: dayMs + 6 * hourMs }
    const by = { actor: 'bench', reason: 'bench', nowMs, perHour: false, variant: 'a' }
    const [reference, referenceMs] = await timed(() => createReference(db, signals, { ...stretch, ...by }))
    nowMs = dayMs + 24 * hourMs + 10 * 60_000
    const [, restMs] = await timed(look.tick)
    console.log(
      `counted, sampled and compared in ${((sixHoursMs + restMs) / 1000).toFixed(0)} s; a reference of ${reference.requests} requests in ${referenceMs.toFixed(0)} ms`,
    )

    const minutes: number[] = []
    for (let round = 0; round < 7; round += 1) {
      const from = new Date(dayMs + 23 * hourMs + round * 60_000).toISOString()
      await db.execute(sql`update monitor_watermarks set rolled_to = ${from}::timestamptz`)
      const at = Date.parse(from) + 66_000
      minutes.push(
        (await timed(() => db.transaction((tx) => rollUp(tx, { route: 'support', nowMs: at, latenessMs: 300_000, embed: false }))))[1],
      )
    }
    console.log(`one more minute of ${Math.round(count / 1440)} requests, five late ones looked at: ${median(minutes).toFixed(0)} ms`)

    const times: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const [text, ms] = await timed(async () => {
        const data = (await readReport(db, 'support', { wanted: signals, texts: {} })).map((one) => variantReportJson('support', one))
        return String(await monitorPage({ object: 'monitor.report', route: 'support', at: '', data }))
      })
      times.push(ms)
      if (round === 0) console.log(`page of ${Math.round(text.length / 1024)} kB`)
    }
    console.log(`report as a page: median ${median(times).toFixed(0)} ms, worst ${Math.max(...times).toFixed(0)} ms [≤ 2,000]`)
    const alarms = await db.execute<{ signal: string; n: number }>(
      sql`select signal, count(*)::int as n from monitor_findings where alarm group by 1 order by 1`,
    )
    console.log('alarms:', alarms.map(({ signal, n }) => `${signal} ${n}`).join(', '))
  } finally {
    await database.close()
    await admin.db.execute(sql.raw(`drop database if exists ${name} with (force)`))
    await admin.close()
  }
}

const insert = async (db: Awaited<ReturnType<typeof openDatabase>>['db'], count: number, dayMs: number, seconds = 86_400) => {
  const day = new Date(dayMs).toISOString()
  await db.execute(sql`create temporary table made as
    select gen_random_uuid() as id, ${day}::timestamptz + interval '1 second' * (n * ${seconds}::double precision / ${count}) as at, random() as a, random() as b,
      n > ${Math.floor((count * 21) / 24)} as later
    from generate_series(0, ${count - 1}) as n`)
  await db.execute(sql`
    insert into traces (id, started_at, endpoint, status, error_code, tenant, route, variant, variant_hash, model, upstream_model, subject,
      stream, finish_reason, prompt_tokens, completion_tokens, cached_tokens, cost_usd, cache, latency_ms, first_token_ms, attempts, purpose)
    select id, at, 'chat', case when a < 0.01 then 'error' else 'ok' end, case when a < 0.01 then 'upstream_failed' end, 'default', 'support', 'a',
      ${'f'.repeat(64)}, 'gpt', 'gpt-1', 'user-' || (b * 100000)::int, true, case when a < 0.01 then null when b < 0.05 then 'length' else 'stop' end,
      (20 + 80 * a * b)::int + case when later then 40 else 0 end, (100 * b)::int, 0, 0.0001 + 0.001 * b, 'miss', 200 * exp(2 * a), 50 * exp(b), 1, 'live'
    from made`)
  await db.execute(sql`
    insert into trace_payloads (id, started_at, payload)
    select id, at, jsonb_build_object(
      'input', jsonb_build_object('kind', 'chat', 'messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content',
        'Where do I find the setting number ' || (a * 1000)::int || ' that my colleague told me about' || case when later then repeat(' and another', 4) else '' end || '?'))),
      'output', jsonb_build_array(jsonb_build_object('text', 'You find it on page ' || (b * 1000)::int || '.', 'refusal', '', 'toolCalls', '[]'::jsonb)))
    from made`)
  await db.execute(sql`drop table made`)
}

const cost = async (url: string | undefined) => {
  console.log(url ? 'Postgres, whose own CPU is not counted' : 'PGlite')
  for (const perSecond of [100, 1000, 3000]) {
    const stateDir = mkdtempSync(join(tmpdir(), 'weir-bench-'))
    const name = `weir_bench_${Bun.randomUUIDv7().replaceAll('-', '')}`
    const admin = url ? await openDatabase({ url, stateDir: '', connections: 1 }) : undefined
    await admin?.db.execute(sql.raw(`create database ${name}`))
    const database = await openDatabase({ url: url && Object.assign(new URL(url), { pathname: `/${name}` }).href, stateDir })
    const { db } = database
    await migrate(db)
    const startMs = Date.parse('2026-11-20T00:00:00Z')
    const minutes = 4
    await insert(db, perSecond * 60 * minutes, startMs, minutes * 60)
    const plan: MonitorPlan = {
      ...{ route: 'support', window: { minutes: 1 }, likeHours: false, minSamples: 50, alpha: 0.05, consecutive: 2, latenessMs: 60_000 },
      ...{ autoReference: 1000, embedder: null, examples: {}, signals: {}, actions: [], golden: null },
    }
    let nowMs = startMs + 2 * 60_000 + 6000
    let compared = 0
    const look = createMonitorController({
      ...{ db, clock: () => nowMs, plans: () => [plan], signals: () => signals, embedderOf: () => undefined, afterwards: async () => {} },
      ...{ tickMs: 1000, onEvaluated: () => (compared += 1) },
      onError: (error) => {
        throw error
      },
    })
    const spent: number[] = []
    for (let minute = 2; minute <= minutes; minute += 1) {
      nowMs = startMs + minute * 60_000 + 6000
      const before = process.cpuUsage()
      await look.tick()
      const { user, system } = process.cpuUsage(before)
      // The first look makes the reference.
      if (minute > 2) spent.push((user + system) / (perSecond * 60))
    }
    const us = median(spent)
    console.log(
      `${perSecond} requests/s: ${us.toFixed(1)} µs of CPU per request, ${((us * perSecond) / 10_000).toFixed(2)} % of a core; ${compared} windows compared`,
    )
    await database.close()
    await admin?.db.execute(sql.raw(`drop database if exists ${name} with (force)`))
    await admin?.close()
    rmSync(stateDir, { recursive: true, force: true })
  }
}

const throughput = async (rounds: number, seconds: number) => {
  const here = import.meta.dir
  const root = join(here, '../..')
  const key = `weir_bench_${crypto.randomUUID().replaceAll('-', '')}`
  const port = () => {
    const probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    const { port: free } = probe
    probe.stop(true)
    return free as number
  }
  const spawn = (args: string[], env: Record<string, string | undefined>, stdout: 'ignore' | 'pipe') =>
    Bun.spawn([process.execPath, ...args], { cwd: root, env, stdout, stderr: 'inherit' })
  const upstreamPort = port()
  const upstream = spawn(
    ['test/support/mock-openai.ts', '--port', String(upstreamPort), '--tokens', '32', '--tokens-per-chunk', '4'],
    process.env,
    'ignore',
  )
  const runs: Record<'plain' | 'monitored', { perSecond: number[]; cpuUs: number[]; windows: number }> = {
    plain: { perSecond: [], cpuUs: [], windows: 0 },
    monitored: { perSecond: [], cpuUs: [], windows: 0 },
  }
  const run = async (mode: keyof typeof runs) => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
    const own = port()
    writeFileSync(
      join(folder, 'weir.yaml'),
      `providers: {mock: {kind: openai-compatible, base_url: 'http://127.0.0.1:${upstreamPort}/v1', api_key: none}}
models: {mock-model: {kind: llm, provider: mock, model: mock}}
routes: {mock: {variants: [{name: control, weight_percent: 90, model: mock-model}, {name: candidate, weight_percent: 10, model: mock-model}]}}
${mode === 'monitored' ? 'monitors: {mock: {window: {minutes: 1}, lateness_s: 5, auto_reference_requests: 1000}}' : ''}
`,
    )
    const env = {
      ...process.env,
      ...{ BUN_CONFIG_MAX_HTTP_REQUESTS: '65336', WEIR_CONFIG: join(folder, 'weir.yaml'), WEIR_STATE_DIR: join(folder, 'state') },
      ...{ WEIR_ADMIN_KEY: key, WEIR_LOG_LEVEL: 'warn', PORT: String(own), DATABASE_URL: '' },
    }
    const server = spawn(['src/main.ts', 'up'], env, 'ignore')
    const cpuMs = () => {
      const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * 10
    }
    try {
      for (let tries = 0; ; tries += 1) {
        if ((await fetch(`http://127.0.0.1:${own}/readyz`).catch(() => undefined))?.ok) break
        if (tries > 300) throw new Error('weir did not become ready')
        await Bun.sleep(100)
      }
      const load = async (...args: (string | number)[]) => {
        const generator = spawn(
          ['test/bench/gateway-load.ts', String(args[0]), String(own), key, ...args.slice(1).map(String)],
          process.env,
          'pipe',
        )
        return JSON.parse(await new Response(generator.stdout as ReadableStream).text())
      }
      await load('count', 5000)
      const before = cpuMs()
      const { perSecond } = await load('throughput', 32, seconds)
      runs[mode].perSecond.push(perSecond)
      runs[mode].cpuUs.push(((cpuMs() - before) * 1000) / (perSecond * seconds))
      if (mode === 'monitored') {
        const response = await fetch(`http://127.0.0.1:${own}/admin/monitors`, { headers: { authorization: `Bearer ${key}` } })
        const { data } = (await response.json()) as { data: { window: object | null }[] }
        runs[mode].windows += data.filter(({ window }) => window !== null).length
      }
    } finally {
      server.kill('SIGKILL')
      await server.exited
      rmSync(folder, { recursive: true, force: true })
    }
  }
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const mode of round % 2 === 0 ? (['plain', 'monitored'] as const) : (['monitored', 'plain'] as const)) await run(mode)
      const { plain, monitored } = runs
      console.log(
        `round ${round + 1}: plain ${plain.perSecond.at(-1)?.toFixed(0)}/s ${plain.cpuUs.at(-1)?.toFixed(0)} µs; monitored ${monitored.perSecond.at(-1)?.toFixed(0)}/s ${monitored.cpuUs.at(-1)?.toFixed(0)} µs`,
      )
    }
  } finally {
    upstream.kill()
    await upstream.exited
  }
  const { plain, monitored } = runs
  const less = 1 - median(monitored.perSecond) / median(plain.perSecond)
  const more = median(monitored.cpuUs) / median(plain.cpuUs) - 1
  console.log(
    `medians: ${median(plain.perSecond).toFixed(0)} and ${median(monitored.perSecond).toFixed(0)} requests/s: ${(less * 100).toFixed(1)} % fewer [≤ 3 %]`,
  )
  console.log(
    `CPU per request ${median(plain.cpuUs).toFixed(1)} and ${median(monitored.cpuUs).toFixed(1)} µs: ${(more * 100).toFixed(1)} % more; variants with a window compared: ${monitored.windows}`,
  )
}

const [mode, first, second] = process.argv.slice(2)
if (mode === 'report') await report(Number(first ?? 1_000_000))
else if (mode === 'cost') await cost(process.env.TEST_DATABASE_URL)
else if (mode === 'throughput') await throughput(Number(first ?? 3), Number(second ?? 75))
else throw new Error('report, cost or throughput?')
