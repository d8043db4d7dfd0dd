import { sql } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import { keyCommands } from '../../src/cli/keys.ts'
import { projectCommands } from '../../src/cli/projects.ts'
import { keyRoutes } from '../../src/http/admin/keys.ts'
import { projectRoutes } from '../../src/http/admin/projects.ts'
import { createKeyAdmin } from '../../src/keys/admin.ts'
import { createProjectAdmin } from '../../src/keys/projects.ts'
import { adminApp, runCli } from '../support/admin-app.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

describeDatabases('weir keys and weir projects', (makeDatabase) => {
  const nowMs = Date.parse('2026-11-27T12:00:00Z')
  let handle: TestDatabase
  beforeEach(async () => {
    handle ??= await makeDatabase()
    await handle.db.execute(sql.raw('truncate api_keys, projects, audit_events'))
  })
  const run = (...words: string[]) => {
    const parts = { db: handle.db, clock: () => nowMs, changed: async () => {} }
    const app = adminApp({
      '/admin/keys': keyRoutes({ keys: createKeyAdmin(parts), defaultScopes: () => ['inference'] }),
      '/admin/projects': projectRoutes({ projects: createProjectAdmin(parts) }),
    })
    const commands: typeof keyCommands = (program, context) => {
      keyCommands(program, context)
      projectCommands(program, context)
    }
    return runCli(app, commands, words)
  }
  const create = async (...more: string[]) => JSON.parse((await run('keys', 'create', '--name', 'app', ...more, '--json')).out)

  test('a key is made with its origins and limits', async () => {
    const key = await create(
      '--tenant',
      'acme',
      '--route',
      'support',
      '--origin',
      'https://a.example',
      'https://b.example',
      '--limit',
      'requests_per_minute=10',
    )
    expect(key).toMatchObject({
      tenant: 'acme',
      allowed_routes: ['support'],
      allowed_origins: ['https://a.example', 'https://b.example'],
      metadata: { requests_per_minute: '10' },
      previous_until: null,
      secret: expect.stringMatching(/^weir-/),
    })
    const wrong = await run('keys', 'create', '--name', 'app', '--origin', 'https://a.example/path')
    expect(String(wrong.error)).toContain('must be an origin such as https://app.example')
  })

  test.each([
    [[], 'The old secret works until 2026-11-28T12:00:00.000Z.'],
    [['--grace', '30m'], 'The old secret works until 2026-11-27T12:30:00.000Z.'],
    [['--grace', '7d'], 'The old secret works until 2026-12-04T12:00:00.000Z.'],
    [['--grace', '0'], 'The old secret is dead.'],
  ])('rotating with %o says until when the old secret works', async (grace, said) => {
    const { id, secret } = await create()
    const { out, notes } = await run('keys', 'rotate', id, '--reason', 'yearly', ...grace)
    expect(notes).toContain(said)
    expect(out).toMatch(/^weir-/)
    expect(out).not.toBe(secret)
  })

  test('a grace period that is no time, or too long, changes nothing', async () => {
    const { id } = await create()
    expect(String((await run('keys', 'rotate', id, '--reason', 'x', '--grace', 'soon')).error)).toContain('soon is no time')
    expect((await run('keys', 'rotate', id, '--reason', 'x', '--grace', '91d')).error).toBeDefined()
    expect(JSON.parse((await run('keys', 'list', '--json')).out)).toMatchObject([{ previous_until: null }])
  })

  test('projects are put under an organisation, moved and taken out', async () => {
    await run('projects', 'assign', 'acme-web', '--organisation', 'acme', '--reason', 'first')
    await run('projects', 'assign', 'acme-app', '--organisation', 'acme', '--reason', 'second')
    expect((await run('projects', 'list')).out).toMatch(/^ORGANISATION +PROJECT\nacme +acme-app\nacme +acme-web$/)
    await run('projects', 'remove', 'acme-web', '--reason', 'sold')
    expect(JSON.parse((await run('projects', 'list', '--json')).out)).toEqual([{ project: 'acme-app', organisation: 'acme' }])
    expect(String((await run('projects', 'remove', 'acme-web', '--reason', 'again')).error)).toContain('belongs to no organisation')
    expect((await run('projects', 'assign', 'Acme Web', '--organisation', 'acme', '--reason', 'x')).error).toBeDefined()
    expect((await run('projects', 'assign', 'web', '--organisation', 'аcme', '--reason', 'x')).error).toBeDefined()
  })
})
