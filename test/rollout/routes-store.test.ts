import { sql } from 'drizzle-orm'
import { beforeEach, expect, test, vi } from 'vitest'
import { listAuditEvents } from '../../src/db/audit.ts'
import { hashOf } from '../../src/lib/hash.ts'
import { deleteRoute, putRoute, rollbackRoute, routeHistory, routesInForce, versionsOf } from '../../src/rollout/routes-store.ts'
import { createServingTable } from '../../src/rollout/table.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aboutRollouts, planOf, step, wish } from './support.ts'

const by = (reason: string) => ({ actor: 'ann', reason, nowMs: Date.now() })
const settings = (temperature: number) => ({ variants: [{ name: 'only', model: 'm', params: { temperature } }] })
const codeOf = (error: unknown) => (error as { code?: string }).code

describeDatabases('routes by API', (makeDatabase) => {
  let handle: TestDatabase
  beforeEach(async () => {
    handle = await makeDatabase()
  })
  const put = (name: string, temperature: number, expectedVersion?: number | null) =>
    putRoute(handle.db, { name, settings: settings(temperature), expectedVersion }, by(`to ${temperature}`))

  test('have immutable versions, append-only events and audit events with hashes', async () => {
    await put('a', 0)
    await put('a', 1)
    expect((await put('a', 1)).changed).toBe(false)
    await rollbackRoute(handle.db, 'a', undefined, by('back'))
    await deleteRoute(handle.db, 'a', by('gone'))
    expect((await versionsOf(handle.db, 'a')).map(({ version }) => version)).toEqual([2, 1])
    expect((await routeHistory(handle.db, 'a')).map(({ kind, fromVersion, toVersion }) => [kind, fromVersion, toVersion])).toEqual([
      ['put', null, 1],
      ['put', 1, 2],
      ['rollback', 2, 1],
      ['delete', 1, null],
    ])
    expect(await routesInForce(handle.db)).toEqual([])
    const { events } = await listAuditEvents(handle.db, { target: 'route/a' }, { limit: 10 })
    expect(events.map(({ action, beforeHash, afterHash }) => [action, beforeHash, afterHash])).toEqual([
      ['route.delete', hashOf(settings(0)), null],
      ['route.rollback', hashOf(settings(1)), hashOf(settings(0))],
      ['route.put', hashOf(settings(0)), hashOf(settings(1))],
      ['route.put', null, hashOf(settings(0))],
    ])
    for (const table of ['route_versions', 'route_events']) {
      await expect(handle.db.execute(sql.raw(`delete from ${table}`))).rejects.toThrow()
    }
  })

  test('are put by compare-and-set, also by two at the same time', async () => {
    expect(await put('a', 0, 3).catch(codeOf)).toBe('conflict')
    await put('a', 0, null)
    const both = await Promise.allSettled([put('a', 1, 1), put('a', 2, 1)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((await routesInForce(handle.db)).map(({ version }) => version)).toEqual([2])
    expect(await rollbackRoute(handle.db, 'a', 9, by('x')).catch(codeOf)).toBe('not_found')
    expect(await rollbackRoute(handle.db, 'a', 2, by('x')).catch(codeOf)).toBe('conflict')
    await rollbackRoute(handle.db, 'a', 1, by('x'))
    expect(await rollbackRoute(handle.db, 'a', undefined, by('x')).catch(codeOf)).toBe('conflict')
    expect(await deleteRoute(handle.db, 'b', by('x')).catch(codeOf)).toBe('not_found')
  })

  test('and rollouts are heard of by another replica without a poll, and by polling when nobody tells', async () => {
    const replica = await handle.replica()
    const changes: boolean[] = []
    const tableOf = (pollMs: number, listen = replica.listen) =>
      createServingTable({ db: replica.db, listen, pollMs, onChange: ({ routes }) => changes.push(routes), onError: () => {} })
    const hearing = tableOf(60_000)
    const deaf = tableOf(50, async () => async () => {})
    await hearing.start()
    await deaf.start()
    try {
      await put('a', 0)
      await vi.waitFor(() => {
        for (const table of [hearing, deaf]) expect(table.routes().map(({ name }) => name)).toEqual(['a'])
      }, 5_000)
      const { id } = await aboutRollouts(handle).actions.start(wish(planOf([step()])), by('x'), { overrideGate: false })
      await vi.waitFor(() => {
        for (const table of [hearing, deaf]) expect(table.rolloutsOf('support')).toMatchObject([{ id, status: 'running' }])
      }, 5_000)
      expect(changes).toContain(true)
      expect(changes.at(-1)).toBe(false)
    } finally {
      await hearing.close()
      await deaf.close()
    }
  })
})
