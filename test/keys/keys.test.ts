import { desc, sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { apiKeys, auditEvents } from '../../src/db/schema/serve.ts'
import { createKeyAdmin } from '../../src/keys/admin.ts'
import { createKeyring, type Keyring } from '../../src/keys/keyring.ts'
import { mayCall } from '../../src/keys/principal.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

describeDatabases('keys', (makeDatabase) => {
  const by = { actor: 'test', reason: 'because' }
  const inference = { name: 'app', tenant: 'acme', scopes: ['inference'] as const }
  let handle: TestDatabase
  let nowMs = 1_800_000_000_000
  const clock = () => nowMs
  const rings: Keyring[] = []

  beforeEach(async () => {
    handle ??= await makeDatabase()
    await handle.db.execute(sql.raw('truncate api_keys, audit_events'))
  })
  afterEach(async () => {
    for (const ring of rings.splice(0)) await ring.close()
  })

  const ring = async (on: Pick<TestDatabase, 'db' | 'listen'> = handle) => {
    const keyring = createKeyring({ db: on.db, listen: on.listen, clock })
    rings.push(keyring)
    await keyring.start()
    return keyring
  }
  const open = async () => {
    const keyring = await ring()
    return { keyring, admin: createKeyAdmin({ db: handle.db, clock, changed: keyring.refresh }) }
  }

  test('knows a new key at once, and by nothing but its secret', async () => {
    const { keyring, admin } = await open()
    const { key, secret } = await admin.create({ ...inference, allowedRoutes: ['support'], metadata: { team: 'web' } }, by)
    const principal = keyring.authenticate(secret)
    expect(principal).toEqual({
      keyId: key.id,
      tenant: 'acme',
      scopes: ['inference'],
      allowedRoutes: ['support'],
      metadata: { team: 'web' },
    })
    expect(principal && [mayCall(principal, 'support'), mayCall(principal, 'other')]).toEqual([true, false])
    for (const wrong of ['', 'weir-', key.prefix, `${secret}x`, secret.slice(0, -1), secret.toUpperCase(), key.id]) {
      expect(keyring.authenticate(wrong)).toBeUndefined()
    }
  })

  test('keeps no secret, and shows only its first characters', async () => {
    const { admin } = await open()
    const { key, secret } = await admin.create(inference, by)
    expect(secret).toMatch(/^weir-[\w-]{43}$/)
    expect(secret.startsWith(key.prefix)).toBe(true)
    expect(JSON.stringify(await handle.db.select().from(apiKeys))).not.toContain(secret.slice(12))
    expect(JSON.stringify(await admin.list())).not.toContain('hash')
  })

  test('ends a key when it expires, is rotated, or is revoked', async () => {
    const { keyring, admin } = await open()
    const expiring = await admin.create({ ...inference, expiresAtMs: nowMs + 1_000 }, by)
    expect(keyring.authenticate(expiring.secret)).toBeDefined()
    nowMs += 1_000
    expect(keyring.authenticate(expiring.secret)).toBeUndefined()

    const first = await admin.create(inference, by)
    const second = await admin.rotate(first.key.id, by)
    expect(keyring.authenticate(first.secret)).toBeUndefined()
    expect(keyring.authenticate(second.secret)).toMatchObject({ keyId: first.key.id })
    await admin.revoke(first.key.id, by)
    expect(keyring.authenticate(second.secret)).toBeUndefined()
    await expect(admin.rotate(first.key.id, by)).rejects.toMatchObject({ code: 'not_found' })
    await expect(admin.revoke('guess', by)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('reaches other replicas within a second', async () => {
    const { admin } = await open()
    const replica = await handle.replica()
    const other = await ring(replica)
    const { key, secret } = await admin.create(inference, by)
    await expect.poll(() => other.authenticate(secret), { timeout: 1_000 }).toBeDefined()
    await admin.revoke(key.id, by)
    await expect.poll(() => other.authenticate(secret), { timeout: 1_000 }).toBeUndefined()
  })

  test('reaches them also when no notification arrives', async () => {
    const { admin } = await open()
    const deaf = await ring({ db: handle.db, listen: async () => async () => {} })
    const { secret } = await admin.create(inference, by)
    await expect.poll(() => deaf.authenticate(secret), { timeout: 3_000 }).toBeDefined()
  })

  test('issues the first admin key once, however many start', async () => {
    const { keyring, admin } = await open()
    expect(keyring.onlyFirstKeyExists()).toBe(true)
    const secrets = (await Promise.all([1, 2, 3].map(() => admin.ensureFirstAdminKey({})))).filter((secret) => secret !== undefined)
    expect(secrets).toHaveLength(1)
    expect(keyring.authenticate(secrets[0] ?? '')).toMatchObject({ tenant: 'default', scopes: ['inference', 'admin'] })
    expect(keyring.onlyFirstKeyExists()).toBe(true)
    const { key } = await admin.create(inference, by)
    expect(keyring.onlyFirstKeyExists()).toBe(false)
    await admin.revoke(key.id, by)
    expect(keyring.onlyFirstKeyExists()).toBe(false)
  })

  test('takes the admin key of the environment, and drops the one it replaces', async () => {
    const { keyring, admin } = await open()
    expect(await admin.ensureFirstAdminKey({ fromEnv: 'from-the-environment-1' })).toBeUndefined()
    await admin.ensureFirstAdminKey({ fromEnv: 'from-the-environment-1' })
    expect(await admin.list()).toHaveLength(1)
    await admin.ensureFirstAdminKey({ fromEnv: 'from-the-environment-2' })
    expect(keyring.authenticate('from-the-environment-1')).toBeUndefined()
    expect(keyring.authenticate('from-the-environment-2')).toMatchObject({ scopes: ['inference', 'admin'] })
    expect(keyring.onlyFirstKeyExists()).toBe(true)
    await expect(admin.ensureFirstAdminKey({ fromEnv: 'short' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('leaves an audit event for each change, and none for one that failed', async () => {
    const { admin } = await open()
    const { key } = await admin.create(inference, by)
    await admin.rotate(key.id, by)
    await admin.revoke(key.id, by)
    await admin.revoke(key.id, by).catch(() => {})
    const events = await handle.db.select().from(auditEvents).orderBy(desc(auditEvents.id))
    expect(events.map((event) => event.action)).toEqual(['key.revoke', 'key.rotate', 'key.create'])
    expect(events[0]).toMatchObject({ actor: 'test', reason: 'because', target: `key/${key.id}`, beforeHash: events[1]?.afterHash })
    expect(new Set(events.map((event) => event.afterHash)).size).toBe(3)
  })
})
