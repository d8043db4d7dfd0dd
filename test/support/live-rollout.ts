import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../src/lib/stats/random.ts'
import { answersWell, startFaultyUpstream, status } from './faulty-upstream.ts'
import { emptyDatabase } from './replicas.ts'
import { createWorkplace, type ServerProcess } from './server-process.ts'

export type LiveRollout = {
  /** A server on which databases may be created. */
  postgres: string
  requestsPerSecond: number
  weightPercent: number
  /** Shares of upstream calls that answer 500. */
  failing: { stable: number; candidate: number }
  rescue: boolean
  /** After which it is given up. */
  seconds: number
  /** How long requests go on after the rollback. */
  afterSeconds: number
}

export type LiveOutcome = {
  status: string
  /** Requests sent until the rollback was seen, and in all. */
  requestsUntil: number
  requests: number
  secondsUntil: number
  /** Status of each request that was not answered well. */
  errors: number[]
  /** 500s that the upstreams gave. */
  broke: { stable: number; candidate: number }
  /** Calls that reached the candidate's upstream later than a second after the rollback was seen. */
  strays: number
  events: { kind: string; actor: string; reason: string }[]
  /** What a pin to the candidate is answered afterwards. */
  pinned: number
  meanMs: number
}

/** A canary on two live servers over one Postgres, with upstreams that fail for real, until it is rolled back. Nobody helps. */
export const playLiveRollout = async (options: LiveRollout): Promise<LiveOutcome> => {
  const random = seededRandom(20_261_127)
  const broke = { stable: 0, candidate: 0 }
  let candidateCalls = 0
  const upstreamOf = (name: 'stable' | 'candidate') =>
    startFaultyUpstream((exchange) => {
      if (name === 'candidate') candidateCalls += 1
      if (random() >= options.failing[name]) return answersWell(exchange)
      broke[name] += 1
      return status(500)(exchange)
    })
  await using stable = await upstreamOf('stable')
  await using candidate = await upstreamOf('candidate')
  await using database = await emptyDatabase(options.postgres)

  const step = { min_duration_s: 3600, min_samples: 100_000 }
  const config = {
    providers: {
      one: { kind: 'openai-compatible', base_url: stable.url },
      two: { kind: 'openai-compatible', base_url: candidate.url },
    },
    models: { old: { kind: 'llm', provider: 'one', model: 'old' }, new: { kind: 'llm', provider: 'two', model: 'new' } },
    routes: {
      support: {
        retry: { attempts: 1 },
        variants: [
          { name: 'stable', model: 'old' },
          { name: 'next', model: 'new', weight_percent: 0 },
        ],
        rollout: { candidate: 'next', rescue: options.rescue, steps: [{ ...step, weight_percent: options.weightPercent }] },
      },
    },
  }
  const folder = mkdtempSync(join(tmpdir(), 'weir-live-'))
  const places = ['one', 'two'].map((name) => createWorkplace(join(folder, name), config))
  const servers: ServerProcess[] = []
  for (const place of places) servers.push(await place.start({ DATABASE_URL: database.url }))
  try {
    const { token } = JSON.parse(await readFile(join(folder, 'one', 'state', 'server.json'), 'utf8')) as { token: string }
    const admin = async (path: string, body?: object) => {
      const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      return (await fetch(`${servers[0]?.url}${path}`, { headers, ...init })).json()
    }
    const errors: number[] = []
    let sent = 0
    let tookMs = 0
    const ask = async (headers: Record<string, string> = {}) => {
      const url = servers[sent % 2]?.url
      const subject = `user-${sent}`
      sent += 1
      const started = performance.now()
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-weir-subject': subject, ...headers },
        body: JSON.stringify({ model: 'support', messages: [{ role: 'user', content: 'hello' }] }),
      })
      await response.text()
      tookMs += performance.now() - started
      return response.status
    }
    await admin('/admin/rollouts', { route: 'support', reason: 'a live test' })
    const begun = performance.now()
    const elapsed = () => (performance.now() - begun) / 1000
    const flights = new Set<Promise<void>>()
    const until = { requests: 0, seconds: 0, calls: 0 }
    let state = 'running'
    let looked = 0
    while (elapsed() < options.seconds && (state === 'running' || elapsed() < until.seconds + options.afterSeconds)) {
      while (sent < elapsed() * options.requestsPerSecond) {
        const flight = ask().then((code) => {
          if (code !== 200) errors.push(code)
          flights.delete(flight)
        })
        flights.add(flight)
      }
      if (elapsed() - looked > 0.25) {
        looked = elapsed()
        const [rollout] = ((await admin('/admin/rollouts')) as { data: { status: string }[] }).data
        if (state === 'running' && rollout?.status !== 'running') {
          state = rollout?.status ?? 'gone'
          until.requests = sent
          until.seconds = elapsed()
          setTimeout(() => {
            until.calls = candidateCalls
          }, 1_000)
        }
      }
      await Bun.sleep(5)
    }
    await Promise.all(flights)
    const requests = sent
    const { events } = (await admin('/admin/rollouts/support')) as Pick<LiveOutcome, 'events'>
    const outcome = {
      ...{ status: state, requestsUntil: until.requests, requests, secondsUntil: until.seconds, errors, broke: { ...broke } },
      ...{ strays: candidateCalls - until.calls, events, meanMs: tookMs / requests },
    }
    return { ...outcome, pinned: await ask({ 'x-weir-variant': 'next' }) }
  } finally {
    for (const server of servers) server.signal('SIGTERM')
    await Promise.all(servers.map(({ exited }) => exited))
    rmSync(folder, { recursive: true, force: true })
  }
}
