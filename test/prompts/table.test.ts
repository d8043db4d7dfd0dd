import { beforeEach, describe, expect, test } from 'vitest'
import type { DatabaseHandle } from '../../src/db/database.ts'
import { promoteLabel, rollbackLabel } from '../../src/prompts/labels.ts'
import { syncPrompts } from '../../src/prompts/sync.ts'
import { createPromptTable } from '../../src/prompts/table.ts'
import { describeDatabases } from '../support/database.ts'

const makeVersions = async ({ db }: DatabaseHandle, name = 'a') => {
  for (const text of ['one', 'two', 'three']) {
    const files = [
      { path: `${name}.prompt`, text: `${text} {{> p}}` },
      { path: '_p.prompt', text: 'pinned' },
    ]
    await syncPrompts(db, { files, dryRun: false, actor: 'ann', reason: '', gitCommit: null, nowMs: 1 })
  }
}
const promote = ({ db }: DatabaseHandle, version: number, expectedVersion: number | null, label = 'production') =>
  promoteLabel(db, async () => 'run', { name: 'a', label, version, expectedVersion, actor: 'ann', reason: 'x', override: false, nowMs: 1 })

const eventually = async <T>(read: () => T | Promise<T>, wanted: (value: T) => boolean, withinMs: number): Promise<number> => {
  const start = performance.now()
  for (;;) {
    if (wanted(await read())) return performance.now() - start
    if (performance.now() - start > withinMs) throw new Error(`not within ${withinMs} ms`)
    await Bun.sleep(5)
  }
}

describeDatabases('prompt table', (makeDatabase, kind) => {
  let handle: Awaited<ReturnType<typeof makeDatabase>>
  const open = (more: Partial<Parameters<typeof createPromptTable>[0]> = {}) =>
    createPromptTable({ db: handle.db, listen: handle.listen, clock: () => 1, pollMs: 60_000, onError: () => {}, ...more })

  beforeEach(async () => {
    handle = await makeDatabase()
    await makeVersions(handle)
  })

  test('serves labels and versions, and latest never', async () => {
    await promote(handle, 1, null)
    await promote(handle, 2, null, 'staging')
    await using table = open()
    await table.start()
    expect(table.get({ name: 'a' })).toMatchObject({ version: 1, label: 'production' })
    expect(table.get({ name: 'a', label: 'staging' })?.version).toBe(2)
    expect(await table.render({ name: 'a' }, { variables: {} })).toMatchObject({
      version: 1,
      messages: [{ role: 'user', content: 'one pinned' }],
    })
    expect(table.get({ name: 'a', version: 3 })).toBeUndefined()
    expect(await table.resolve({ name: 'a', version: 3 })).toMatchObject({ version: 3, label: undefined })
    expect(table.get({ name: 'a', version: 3 })?.version).toBe(3)
    expect(() => table.get({ name: 'a', label: 'latest' })).toThrow('does not serve')
    expect(() => table.get({ name: 'a', label: 'nope' })).toThrow('it has production, staging')
    expect(() => table.get({ name: 'b' })).toThrow('no prompt "b"')
    await expect(table.resolve({ name: 'a', version: 9 })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a notified move arrives in under a second', async () => {
    await promote(handle, 1, null)
    let changes = 0
    const onChange = () => {
      changes += 1
    }
    await using table = open({ onChange })
    await table.start()
    await table.refresh()
    expect(changes).toBe(1)
    await promote(handle, 2, 1)
    await eventually(
      () => table.get({ name: 'a' })?.version,
      (version) => version === 2,
      1000,
    )
    await rollbackLabel(handle.db, { name: 'a', label: 'production', expectedVersion: 2, actor: 'bo', reason: 'x', nowMs: 2 })
    await eventually(
      () => table.get({ name: 'a' })?.version,
      (version) => version === 1,
      1000,
    )
  })

  test('a lost notification heals by the next poll', async () => {
    await promote(handle, 1, null)
    await using table = open({ listen: async () => async () => {}, pollMs: 50 })
    await table.start()
    await promote(handle, 2, 1)
    await eventually(
      () => table.get({ name: 'a' })?.version,
      (version) => version === 2,
      2000,
    )
  })

  test('goes on with what it has while the database fails', async () => {
    await promote(handle, 1, null)
    let fail = false
    const db = new Proxy(handle.db, {
      get(target, property) {
        if (fail) throw new Error('down')
        return Reflect.get(target, property)
      },
    })
    const errors: unknown[] = []
    await using table = open({ db, pollMs: 10, onError: (error) => errors.push(error) })
    await table.start()
    fail = true
    await eventually(
      () => errors.length,
      (count) => count > 1,
      2000,
    )
    expect(table.get({ name: 'a' })?.version).toBe(1)
    fail = false
    await promote(handle, 2, 1)
    await eventually(
      () => table.get({ name: 'a' })?.version,
      (version) => version === 2,
      2000,
    )
  })

  describe.skipIf(kind === 'pglite')('two server processes on one Postgres', () => {
    const startReplica = async (pollMs: number, hearing: 'hearing' | 'deaf') => {
      const [row] = await handle.db.execute<{ name: string }>('select current_database() as name')
      const url = new URL(process.env.TEST_DATABASE_URL ?? '')
      url.pathname = `/${row?.name}`
      const child = Bun.spawn([process.execPath, new URL('serve-table.ts', import.meta.url).pathname, url.href, String(pollMs), hearing], {
        stdout: 'pipe',
        stderr: 'inherit',
      })
      const { value } = await child.stdout.getReader().read()
      const address = new TextDecoder().decode(value).trim()
      const version = async () => ((await (await fetch(`${address}?name=a`)).json()) as { version: number }).version
      const stop = async () => {
        child.kill()
        await child.exited
      }
      return { version, [Symbol.asyncDispose]: stop }
    }

    test('a label move reaches the traffic of both in under a second', async () => {
      await promote(handle, 1, null)
      await using first = await startReplica(60_000, 'hearing')
      await using second = await startReplica(60_000, 'hearing')
      expect([await first.version(), await second.version()]).toEqual([1, 1])
      await promote(handle, 2, 1)
      const both = async () => [await first.version(), await second.version()]
      await eventually(both, (versions) => versions.every((version) => version === 2), 1000)
      await rollbackLabel(handle.db, { name: 'a', label: 'production', expectedVersion: 2, actor: 'bo', reason: 'x', nowMs: 2 })
      await eventually(both, (versions) => versions.every((version) => version === 1), 1000)
    })

    test('a replica that hears nothing catches up at its next poll', async () => {
      await promote(handle, 1, null)
      await using deaf = await startReplica(200, 'deaf')
      expect(await deaf.version()).toBe(1)
      await promote(handle, 2, 1)
      await eventually(deaf.version, (version) => version === 2, 1000)
    })
  })
})
