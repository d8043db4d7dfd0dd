import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { findTrace } from '../../src/traces/query.ts'
import { createRecorder, type Recorder, type RecorderOptions } from '../../src/traces/recorder.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { aTrace } from '../support/trace.ts'

describeDatabases('recorder', (makeDatabase) => {
  let handle: TestDatabase
  let spoolDir: string
  const recorders: Recorder[] = []
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  beforeEach(() => {
    spoolDir = mkdtempSync(join(tmpdir(), 'weir-spool-'))
  })
  afterEach(async () => {
    for (const recorder of recorders.splice(0)) await recorder.close()
    await handle.db.execute(sql.raw('truncate traces, trace_payloads'))
    rmSync(spoolDir, { recursive: true, force: true })
  })

  const start = (options: Partial<RecorderOptions> = {}) => {
    const recorder = createRecorder({ spoolDir, db: handle.db, ...options })
    recorders.push(recorder)
    recorder.start()
    return recorder
  }
  /** Lets the spool fill: the database is away. */
  const away = new Proxy({} as Database, {
    get: () => () => Promise.reject(new Error('connection refused')),
  })
  const stored = async () => {
    const [row] = await handle.db.execute<{ rows: number; payloads: number }>(
      sql`select (select count(*)::int from traces) as rows, (select count(*)::int from trace_payloads) as payloads`,
    )
    return row
  }
  const segments = () => readdirSync(spoolDir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.jsonl'))

  test('stores a trace as it was recorded', async () => {
    const recorder = start()
    const trace = aTrace({ fellBackFrom: ['big', 'a "quoted", one'], subject: 'nul \0 and half \ud83d', keyId: null })
    recorder.record(trace)
    await recorder.drain()
    expect(await findTrace(handle.db, trace.id, 'default')).toEqual({ ...trace, subject: 'nul \ufffd and half \ufffd' })
    expect(segments()).toEqual([])
  })

  test('moves traces on by itself within a second', async () => {
    const recorder = start()
    recorder.record(aTrace())
    await expect.poll(stored, { timeout: 2_000 }).toEqual({ rows: 1, payloads: 1 })
    // The rows are there a moment before their segment is gone.
    const done = { recorded: 1, inserted: 1, dropped: 0, pending: 0, spoolBytes: 0 }
    await expect.poll(recorder.stats, { timeout: 2_000 }).toMatchObject(done)
  })

  test('leaves out payloads when they are off', async () => {
    const recorder = start({ payload: 'off' })
    recorder.record(aTrace())
    await recorder.drain()
    expect(await stored()).toEqual({ rows: 1, payloads: 0 })
  })

  test('takes over what a dead process left, torn tail and all, and inserts repeated records once', async () => {
    const dead = start({ db: away })
    const traces = Array.from({ length: 300 }, () => aTrace())
    for (const trace of traces) dead.record(trace)
    await dead.close({ graceMs: 0 })
    const [segment = ''] = segments()
    const path = join(spoolDir, segment)
    truncateSync(path, Bun.file(path).size - 5)
    writeFileSync(path.replace('0000000001', '0000000009'), await Bun.file(path).text())

    const recorder = start()
    await recorder.drain()
    expect(await stored()).toEqual({ rows: 299, payloads: 299 })
    expect(recorder.stats()).toMatchObject({ damaged: 2, spoolBytes: 0 })
    expect(segments()).toEqual([])
  })

  test('does not touch the spool of a living process', async () => {
    const living = start({ db: away })
    living.record(aTrace())
    await living.flush()
    const recorder = start()
    await recorder.drain()
    expect(await stored()).toEqual({ rows: 0, payloads: 0 })
    expect(segments()).toHaveLength(1)
  })

  test('sets aside a record that Postgres refuses, and inserts its neighbours', async () => {
    const recorder = start()
    for (let index = 0; index < 20; index++) recorder.record(aTrace(index === 7 ? { id: 'not a uuid' } : {}))
    await recorder.drain()
    expect(await stored()).toEqual({ rows: 19, payloads: 19 })
    expect(recorder.stats()).toMatchObject({ inserted: 19, rejected: 1 })
    expect(await Bun.file(join(spoolDir, 'rejected.jsonl')).text()).toContain('not a uuid')
  })

  test('goes past a full disk straight to the database, and back when there is room', async () => {
    let full = true
    const errors: unknown[] = []
    const recorder = start({
      openSegment: (path) => open(full ? '/dev/full' : path, 'a'),
      onError: (_, error) => errors.push(error),
    })
    for (let index = 0; index < 10; index++) recorder.record(aTrace())
    await recorder.flush()
    expect(await stored()).toEqual({ rows: 10, payloads: 10 })
    expect(recorder.stats().spoolErrors).toBeGreaterThan(0)
    expect(errors).toMatchObject([{ code: 'ENOSPC' }])
    full = false
    recorder.record(aTrace())
    await recorder.flush()
    expect(segments()).toHaveLength(1)
    await recorder.drain()
    expect(await stored()).toEqual({ rows: 11, payloads: 11 })
  })

  test('counts what it drops when neither disk nor database takes it, and never throws', async () => {
    const recorder = start({ db: away, openSegment: () => open('/dev/full', 'a'), maxPending: 10 })
    for (let index = 0; index < 25; index++) recorder.record(aTrace())
    await expect(recorder.flush()).rejects.toThrow()
    expect(recorder.stats()).toMatchObject({ recorded: 25, dropped: 15, payloadsDropped: 5, pending: 10, inserted: 0 })
  })

  test('over the bound of the spool drops payloads first, then traces', async () => {
    const recorder = start({ db: away, maxSpoolBytes: 100_000, groupMs: 5 })
    for (let index = 0; index < 2_000; index++) recorder.record(aTrace())
    await recorder.flush()
    const { payloadsDropped, dropped, spoolBytes } = recorder.stats()
    expect(payloadsDropped).toBeGreaterThan(0)
    expect(dropped).toBeGreaterThan(0)
    expect(spoolBytes).toBeLessThan(200_000)
  })
})
