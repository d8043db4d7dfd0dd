import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { eventsOf, findRollout } from '../../src/rollout/store.ts'
import { aboutRollouts, arms, planOf, serve, step, wish } from './support.ts'

const script = join(import.meta.dirname, 'controller-process.ts')
const within = { timeout: 20_000, interval: 50 }

describe.skipIf(!process.env.TEST_DATABASE_URL)('two processes over one Postgres', () => {
  const running: Bun.Subprocess[] = []
  const names: string[] = []
  afterEach(async () => {
    for (const child of running.splice(0)) {
      child.kill('SIGKILL')
      await child.exited
    }
    await using admin = await openDatabase({ url: process.env.TEST_DATABASE_URL as string, stateDir: '', connections: 1 })
    for (const name of names.splice(0)) await admin.db.execute(sql.raw(`drop database if exists ${name} with (force)`))
  })

  const opened = async () => {
    const url = new URL(process.env.TEST_DATABASE_URL as string)
    const name = `weir_test_${Bun.randomUUIDv7().replaceAll('-', '')}`
    names.push(name)
    await using admin = await openDatabase({ url: url.href, stateDir: '', connections: 1 })
    await admin.db.execute(sql.raw(`create database ${name}`))
    url.pathname = `/${name}`
    const handle = await openDatabase({ url: url.href, stateDir: '', connections: 2 })
    await migrate(handle.db)
    return { handle, url: url.href }
  }
  /** A controller in a process of its own, with what it has said so far. */
  const replica = (url: string, name: string, lookMs: number) => {
    const child = Bun.spawn([process.execPath, script, url, name, String(lookMs)], { stdout: 'pipe', stderr: 'inherit' })
    running.push(child)
    const said: string[] = []
    void (async () => {
      const decoder = new TextDecoder()
      for await (const bytes of child.stdout) said.push(...decoder.decode(bytes, { stream: true }).split('\n').filter(Boolean))
    })()
    return { child, said }
  }
  const by = { actor: 'ann', reason: 'because' }
  const twenty = planOf([...Array.from({ length: 9 }, () => step({ minSamples: 1 })), step({ weightPercent: 100 })])

  test('each move is made once, by one of them', async () => {
    const { handle, url } = await opened()
    await using _closing = handle
    const { actions } = aboutRollouts(handle)
    const { id } = await actions.start(wish(twenty), by, { overrideGate: false })
    await serve(handle.db, arms(600, { candidate: 0, control: 0 }, { startedAtMs: Date.now() + 60_000 }))
    const replicas = [replica(url, 'one', 0), replica(url, 'two', 0)]
    await vi.waitFor(async () => expect((await findRollout(handle.db, id)).status).toBe('promoted'), within)
    const events = await eventsOf(handle.db, id)
    expect(events.map(({ kind }) => kind)).toEqual(['create', 'start', ...Array(9).fill('advance'), 'promote'])
    expect(events.slice(2).map(({ toStep }) => toStep)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    expect(replicas.flatMap(({ said }) => said).filter((line) => line.startsWith('error'))).toEqual([])
  }, 40_000)

  test('a leader killed while it decides leaves nothing half done, and the other goes on', async () => {
    const { handle, url } = await opened()
    await using _closing = handle
    const { actions } = aboutRollouts(handle)
    const { id } = await actions.start(wish(planOf([step()])), by, { overrideGate: false })
    await serve(handle.db, arms(100, { candidate: 30, control: 2 }))
    // It holds the lock, has read nothing yet, and would take a minute.
    const leader = replica(url, 'leader', 60_000)
    await vi.waitFor(() => expect(leader.said).toContain('looking'), within)
    const heir = replica(url, 'heir', 0)
    await vi.waitFor(() => expect(heir.said).toContain('started'), within)
    await Bun.sleep(500)
    expect(heir.said).not.toContain('looking')
    expect((await findRollout(handle.db, id)).status).toBe('running')

    leader.child.kill('SIGKILL')
    await vi.waitFor(async () => expect((await findRollout(handle.db, id)).status).toBe('rolled_back'), within)
    const events = await eventsOf(handle.db, id)
    expect(events.map(({ kind, actor }) => [kind, actor])).toEqual([
      ['create', 'ann'],
      ['start', 'ann'],
      ['rollback', 'heir'],
    ])
  }, 60_000)
})
