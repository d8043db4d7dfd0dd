/**
 * What does an answer from the cache cost, next to a bare Hono response of the same body and next to a proxy that only hands a body through?
 * Latency: one connection, one request at a time, the median of `count`. Throughput: 32 connections for `seconds`. `rounds` of all three, one after the
 * other, and their medians, because other work shares the machine.
 * The gateway has authentication, traces and metrics switched on. Run: `bun test/bench/cache.ts [count] [seconds] [rounds]`.
 */
import { Hono } from 'hono'
import { cached } from '../../src/cache/cached.ts'
import { memoryStore } from '../../src/cache/memory.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { key, startGateway } from '../http/gateway.ts'
import { echo } from '../http/models.ts'

const [count = 2000, seconds = 2, rounds = 7] = process.argv.slice(2).map(Number)
const body = JSON.stringify({
  model: 'echo',
  temperature: 0,
  messages: [
    { role: 'system', content: 'You are a helpful assistant that answers briefly.' },
    { role: 'user', content: 'What does a weir do to a river, and how is the flow over it measured? Answer in two sentences.' },
  ],
})

if (process.argv.includes('serve')) {
  const store = memoryStore({ maxBytes: 1_000_000, clock: systemClock })
  const settings = { ttlMs: 3_600_000, staleMs: 0, requests: 'deterministic' as const }
  const gateway = startGateway({ models: [cached({ store, clock: systemClock, variantHash: 'a', settings })(echo())] })
  // A trace list that grows without end would measure the collector.
  setInterval(() => gateway.traces.splice(0), 100)
  const answer = await (await gateway.post('/v1/chat/completions', body)).text()
  const bare = new Hono().post('/v1/chat/completions', async (c) => {
    await c.req.json()
    return new Response(answer, { headers: { 'content-type': 'application/json' } })
  })
  const upstream = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: bare.fetch })
  const through = new Hono().post('/v1/chat/completions', async (c) => {
    const response = await fetch(`${upstream.url}v1/chat/completions`, { method: 'POST', body: await c.req.text() })
    return new Response(response.body, { headers: { 'content-type': 'application/json' } })
  })
  const proxy = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: through.fetch })
  console.log(JSON.stringify({ bare: upstream.url.href, passthrough: proxy.url.href, hit: `${gateway.url}/` }))
} else {
  const server = Bun.spawn([process.execPath, import.meta.path, 'serve'], { stdout: 'pipe' })
  let printed = ''
  for await (const chunk of server.stdout) {
    printed += new TextDecoder().decode(chunk)
    if (printed.includes('\n')) break
  }
  const urls = JSON.parse(printed) as Record<string, string>
  const post = async (url: string) => {
    const init = { method: 'POST', body, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } }
    await (await fetch(`${url}v1/chat/completions`, init)).text()
  }
  const medianMs = async (url: string) => {
    const times: number[] = []
    for (let index = 0; index < count; index += 1) {
      const start = performance.now()
      await post(url)
      times.push(performance.now() - start)
    }
    return times.sort((left, right) => left - right)[count >> 1] ?? 0
  }
  const perSecond = async (url: string) => {
    const end = performance.now() + seconds * 1000
    let done = 0
    const worker = async () => {
      while (performance.now() < end) {
        await post(url)
        done += 1
      }
    }
    await Promise.all(Array.from({ length: 32 }, worker))
    return done / seconds
  }
  for (const url of Object.values(urls)) await medianMs(url)
  const measured = Object.entries(urls).map(([name, url]) => ({ name, url, ms: [] as number[], rate: [] as number[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const { url, ms, rate } of measured) {
      ms.push(await medianMs(url))
      rate.push(await perSecond(url))
    }
  }
  const median = (numbers: number[]) => numbers.toSorted((left, right) => left - right)[numbers.length >> 1] ?? 0
  for (const { name, ms, rate } of measured)
    console.log(name.padEnd(12), `p50 ${median(ms).toFixed(3)} ms`, `${Math.round(median(rate))} req/s`)
  const [bare, passthrough, hit] = measured
  const shares = rounded((hit?.rate ?? []).map((rate, round) => rate / (passthrough?.rate[round] ?? 1)))
  const added = rounded((hit?.ms ?? []).map((ms, round) => ms - (bare?.ms[round] ?? 0)))
  console.log(`by round: ${added} ms more than bare; ${shares} of the passthrough's requests`)
  server.kill()
}

function rounded(numbers: number[]): string {
  return numbers.map((number) => number.toFixed(2)).join(' ')
}
