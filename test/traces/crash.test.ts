import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createRecorder } from '../../src/traces/recorder.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { havePostgres, startCluster } from '../support/postgres-cluster.ts'
import { aTrace } from '../support/trace.ts'

const spoolDir = mkdtempSync(join(tmpdir(), 'weir-crash-'))
afterAll(() => rmSync(spoolDir, { recursive: true, force: true }))

describeDatabases('kill -9', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })

  test('loses nothing that had reached the disk, and no trace from the middle', async () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dirname, 'recording-process.ts'), spoolDir], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    let synced = 0
    for await (const chunk of child.stdout) {
      synced = Number(new TextDecoder().decode(chunk).trim().split('\n').at(-1))
      if (synced >= 2_000) break
    }
    child.kill('SIGKILL')
    await child.exited

    const recorder = createRecorder({ spoolDir, db: handle.db })
    recorder.start()
    await recorder.drain()
    await recorder.close()
    const [row] = await handle.db.execute<{ rows: number; highest: number }>(
      sql`select count(*)::int as rows, max(attempts) as highest from traces`,
    )
    expect(row?.rows).toBeGreaterThanOrEqual(synced)
    expect(row?.rows).toBe((row?.highest ?? 0) + 1)
  })
})

describe.skipIf(!havePostgres)('Postgres away (skipped when no Postgres is installed)', () => {
  test('fails no record, loses no trace and stores each once', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster()
    await using handle = await openDatabase({ url: cluster.url, stateDir: spoolDir })
    await migrate(handle.db)
    const recorder = createRecorder({ spoolDir: join(spoolDir, 'outage'), db: handle.db })
    recorder.start()

    let recorded = 0
    const load = setInterval(() => {
      for (let index = 0; index < 20; index++, recorded++) recorder.record(aTrace())
    }, 10)
    await Bun.sleep(500)
    await cluster.stop()
    await Bun.sleep(3_000)
    expect(recorder.stats().drainErrors).toBeGreaterThan(0)
    expect(recorder.stats().spoolBytes).toBeGreaterThan(0)
    await cluster.start()
    await Bun.sleep(500)
    clearInterval(load)

    const count = async () => {
      const [row] = await handle.db.execute<{ rows: number }>(sql`select count(*)::int as rows from traces`)
      return row?.rows
    }
    await expect.poll(count, { timeout: 20_000, interval: 200 }).toBe(recorded)
    expect(recorded).toBeGreaterThan(1_000)
    expect(recorder.stats()).toMatchObject({ dropped: 0, payloadsDropped: 0, rejected: 0, damaged: 0 })
    await recorder.close()
  })
})
