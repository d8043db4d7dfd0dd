import { eq, sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { auditEvents } from '../../src/db/schema/serve.ts'
import { uuidv7 } from '../../src/lib/ids.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

describeDatabases('database', (makeDatabase) => {
  let handle: TestDatabase
  beforeAll(async () => {
    handle = await makeDatabase()
  })
  const event = () => ({ id: uuidv7(), atMs: 1_700_000_000_123, actor: 'a', action: 'test', target: 't' })

  test('gives raw rows as an array with a count', async () => {
    const rows = await handle.db.execute(sql`select ${1}::int as one, 9007199254740993::bigint as big, ${'x'} as text, null as none`)
    expect([...rows]).toEqual([{ one: 1, big: '9007199254740993', text: 'x', none: null }])
    expect(rows.count).toBe(1)
  })

  test('gives instants as text, bytes as bytes, JSON and arrays parsed', async () => {
    const [row] = await handle.db.execute<{ at: string; bytes: Uint8Array; json: unknown; list: string[] }>(sql`
      select '2026-01-02T03:04:05.678Z'::timestamptz as at, '\\x0102'::bytea as bytes, '{"a":[1]}'::jsonb as json, array['a','b'] as list`)
    expect(Date.parse(row?.at ?? '')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
    expect([...(row?.bytes ?? [])]).toEqual([1, 2])
    expect(row).toMatchObject({ json: { a: [1] }, list: ['a', 'b'] })
  })

  test('keeps what a transaction wrote, and nothing of one that threw', async () => {
    const kept = event()
    const lost = event()
    const nested = event()
    await handle.db.transaction(async (tx) => {
      await tx.insert(auditEvents).values(kept)
      await tx
        .transaction(async (inner) => {
          await inner.insert(auditEvents).values(nested)
          throw new Error('back')
        })
        .catch(() => {})
    })
    const failed = handle.db.transaction(async (tx) => {
      await tx.insert(auditEvents).values(lost)
      throw new Error('back')
    })
    await expect(failed).rejects.toThrow('back')
    const rows = await handle.db.select().from(auditEvents)
    expect(rows.map((row) => row.id)).toEqual([kept.id])
    expect(rows[0]).toEqual({ ...kept, beforeHash: null, afterHash: null, reason: null })
  })

  test('refuses to change or delete an audit event', async () => {
    const row = event()
    await handle.db.insert(auditEvents).values(row)
    await expect(handle.db.update(auditEvents).set({ actor: 'b' }).where(eq(auditEvents.id, row.id))).rejects.toThrow()
    await expect(handle.db.delete(auditEvents)).rejects.toThrow()
    const [kept] = await handle.db.select().from(auditEvents).where(eq(auditEvents.id, row.id))
    expect(kept?.actor).toBe('a')
  })
})
