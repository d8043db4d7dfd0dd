import { sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { appendAuditEvent } from '../../src/db/audit.ts'
import { auditRoutes } from '../../src/http/admin/audit.ts'
import { createKeyAdmin } from '../../src/keys/admin.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

describeDatabases('the audit log', (makeDatabase) => {
  const startMs = Date.parse('2026-11-20T10:00:00Z')
  let handle: TestDatabase
  let keyId: string
  beforeAll(async () => {
    handle = await makeDatabase()
    let nowMs = startMs
    const keys = createKeyAdmin({ db: handle.db, clock: () => nowMs, changed: async () => {} })
    const { key } = await keys.create({ name: 'web', tenant: 'acme', scopes: ['inference'] }, { actor: 'ada@example.com (local)' })
    keyId = key.id
    nowMs += 1000
    await keys.revoke(keyId, { actor: 'bob@example.com (local)', reason: 'no longer used' })
    for (let index = 0; index < 5; index += 1) {
      await appendAuditEvent(handle.db, { atMs: startMs + 5000, actor: 'cli', action: 'keyhole.peek', target: `keyhole/${index}` })
    }
  })
  const list = async (query: Record<string, string>) => {
    const response = await auditRoutes({ db: handle.db }).request(`/?${new URLSearchParams(query)}`)
    return (await response.json()) as { data: Record<string, string | null>[]; next_cursor: string | null }
  }

  test('tells who did what to what, when, why, and the state before and after', async () => {
    const { data } = await list({ action: 'key' })
    expect(data).toMatchObject([
      {
        at: '2026-11-20T10:00:01.000Z',
        actor: 'bob@example.com (local)',
        action: 'key.revoke',
        target: `key/${keyId}`,
        reason: 'no longer used',
      },
      { at: '2026-11-20T10:00:00.000Z', actor: 'ada@example.com (local)', action: 'key.create', before_hash: null, reason: null },
    ])
    expect(data[0]!.before_hash).toBe(data[1]!.after_hash)
    expect(data[0]!.after_hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each([
    [{ actor: 'ada' }, 1],
    [{ action: 'key.revoke' }, 1],
    [{ target: 'keyhole' }, 5],
    [{ target: 'keyhole/3' }, 1],
    [{ from: '2026-11-20T10:00:01Z', to: '2026-11-20T10:00:02Z' }, 1],
    [{ actor: '%' }, 0],
  ])('finds by %o', async (query, count) => {
    expect((await list(query)).data).toHaveLength(count)
  })

  test('is read a page at a time, each event once', async () => {
    const seen: unknown[] = []
    let after: string | null = null
    do {
      const page = await list({ limit: '2', ...(after === null ? {} : { after }) })
      seen.push(...page.data.map(({ id }) => id))
      after = page.next_cursor
    } while (after !== null)
    expect(seen).toHaveLength(7)
    expect(new Set(seen).size).toBe(7)
  })

  test('cannot be changed', async () => {
    await expect(handle.db.execute(sql`delete from audit_events`)).rejects.toThrow()
    await expect(handle.db.execute(sql`update audit_events set actor = 'nobody'`)).rejects.toThrow()
  })
})
