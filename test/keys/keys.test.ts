import { desc, sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { apiKeys, auditEvents } from '../../src/db/schema/serve.ts'
import { createKeyAdmin } from '../../src/keys/admin.ts'
import { createKeyring, type Keyring } from '../../src/keys/keyring.ts'
import { mayCall } from '../../src/keys/principal.ts'
import { createProjectAdmin } from '../../src/keys/projects.ts'
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
    await handle.db.execute(sql.raw('truncate api_keys, projects, audit_events'))
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
      organisation: null,
      scopes: ['inference'],
      allowedRoutes: ['support'],
      allowedOrigins: null,
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
    const second = await admin.rotate(first.key.id, 0, by)
    expect(keyring.authenticate(first.secret)).toBeUndefined()
    expect(keyring.authenticate(second.secret)).toMatchObject({ keyId: first.key.id })
    await admin.revoke(first.key.id, by)
    expect(keyring.authenticate(second.secret)).toBeUndefined()
    await expect(admin.rotate(first.key.id, 0, by)).rejects.toMatchObject({ code: 'not_found' })
    await expect(admin.revoke('guess', by)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('lets the old secret of a rotated key work for the grace period, and no older one', async () => {
    const { keyring, admin } = await open()
    const first = await admin.create({ ...inference, expiresAtMs: nowMs + 90_000 }, by)
    const second = await admin.rotate(first.key.id, 60_000, by)
    expect(second.key.previousUntilMs).toBe(nowMs + 60_000)
    for (const { secret } of [first, second]) expect(keyring.authenticate(secret)).toMatchObject({ keyId: first.key.id })
    nowMs += 30_000
    const third = await admin.rotate(first.key.id, 90_000, by)
    expect([first, second, third].map(({ secret }) => keyring.authenticate(secret) !== undefined)).toEqual([false, true, true])
    // The key's own end comes before that of the grace period.
    nowMs += 60_000
    expect([second, third].map(({ secret }) => keyring.authenticate(secret))).toEqual([undefined, undefined])

    const leaked = await admin.create(inference, by)
    await admin.rotate(leaked.key.id, 60_000, by)
    await admin.revoke(leaked.key.id, by)
    expect(keyring.authenticate(leaked.secret)).toBeUndefined()
  })

  test('put the organisation of the tenant above it, at once and on every replica', async () => {
    const { keyring, admin } = await open()
    const other = await ring(await handle.replica())
    const projects = createProjectAdmin({ db: handle.db, clock, changed: keyring.refresh })
    const { secret } = await admin.create(inference, by)
    await projects.assign({ tenant: 'acme', organisation: 'first' }, by)
    await projects.assign({ tenant: 'acme', organisation: 'holding' }, by)
    expect(keyring.authenticate(secret)).toMatchObject({ tenant: 'acme', organisation: 'holding' })
    await expect.poll(() => other.organisationOf('acme'), { timeout: 1_000 }).toBe('holding')
    expect(await projects.list()).toEqual([{ tenant: 'acme', organisation: 'holding' }])
    await projects.remove('acme', by)
    expect(keyring.authenticate(secret)).toMatchObject({ organisation: null })
    await expect(projects.remove('acme', by)).rejects.toMatchObject({ code: 'not_found' })
    const events = await handle.db.select().from(auditEvents).orderBy(desc(auditEvents.id))
    expect(events.map(({ action }) => action)).toEqual(['project.remove', 'project.assign', 'project.assign', 'key.create'])
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
    await admin.rotate(key.id, 0, by)
    await admin.revoke(key.id, by)
    await admin.revoke(key.id, by).catch(() => {})
    const events = await handle.db.select().from(auditEvents).orderBy(desc(auditEvents.id))
    expect(events.map((event) => event.action)).toEqual(['key.revoke', 'key.rotate', 'key.create'])
    expect(events[0]).toMatchObject({ actor: 'test', reason: 'because', target: `key/${key.id}`, beforeHash: events[1]?.afterHash })
    expect(new Set(events.map((event) => event.afterHash)).size).toBe(3)
  })
})
