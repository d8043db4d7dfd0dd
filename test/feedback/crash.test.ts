import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { emptyState } from '../support/database.ts'
import { havePostgres, startCluster } from '../support/postgres-cluster.ts'
import { feedbackApp, post } from './support.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'weir-feedback-'))
afterAll(() => rmSync(stateDir, { recursive: true, force: true }))

const tellUntilKilled = async (environment: Record<string, string>): Promise<number[]> => {
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, 'telling-process.ts'), stateDir], {
    stdout: 'pipe',
    stderr: 'inherit',
    env: { ...process.env, ...environment },
  })
  let text = ''
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk)
    if (!child.killed && text.split('\n').length > 300) child.kill('SIGKILL')
  }
  await child.exited
  return text.split('\n').slice(0, -1).map(Number)
}

const expectStored = async (url: string | undefined, acknowledged: number[]) => {
  await using handle = await openDatabase({ url, stateDir })
  const rows = await handle.db.execute<{ number: number }>(sql`select number from feedback`)
  const stored = new Set(rows.map((row) => row.number))
  expect(acknowledged.length).toBeGreaterThanOrEqual(300)
  expect(acknowledged.filter((number) => !stored.has(number))).toEqual([])
  expect(stored.size).toBe(rows.length)
}

test('kill -9 loses no acknowledged feedback (PGlite)', { timeout: 60_000 }, async () => {
  await emptyState(stateDir)
  await openDatabase({ stateDir }).then(async (handle) => {
    await migrate(handle.db)
    await handle.close()
  })
  await expectStored(undefined, await tellUntilKilled({}))
})

describe.skipIf(!havePostgres)('with Postgres (skipped when no Postgres is installed)', () => {
  test('kill -9 loses none, and an outage is told to the client', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster()
    await using handle = await openDatabase({ url: cluster.url, stateDir })
    await migrate(handle.db)
    await expectStored(cluster.url, await tellUntilKilled({ FEEDBACK_DATABASE_URL: cluster.url }))

    const app = feedbackApp({ db: handle.db })
    const body = { metric: 'purchase', subject: 'bob', idempotency_key: 'bob-1' }
    await cluster.stop()
    expect(await post(app, body)).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    await cluster.start()
    await expect.poll(async () => (await post(app, body)).status, { timeout: 20_000 }).toBe(200)
  })
})
