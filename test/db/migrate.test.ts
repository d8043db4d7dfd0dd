import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'

const root = mkdtempSync(join(tmpdir(), 'weir-migrations-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const files = (contents: { [name: string]: string }) => {
  const directory = mkdtempSync(join(root, 'set-'))
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(directory, name), text)
  return directory
}

describeDatabases('migrate', (makeDatabase, kind) => {
  let handle: TestDatabase
  let directory: string
  beforeEach(async () => {
    handle = await makeDatabase({ migrated: false })
    directory = files({
      '0001_a.sql': 'create table a (n int); insert into a values (1);',
      '0002_b.sql': 'alter table a add column m int;',
    })
  })
  const rowsOf = async (table: string) => [...(await handle.db.execute(sql`select * from ${sql.identifier(table)}`))]

  test('applies each file once, in order', async () => {
    expect(await migrate(handle.db, directory)).toEqual(['0001_a', '0002_b'])
    expect(await migrate(handle.db, directory)).toEqual([])
    expect(await rowsOf('a')).toEqual([{ n: 1, m: null }])
  })

  test('refuses a file that changed after it was applied', async () => {
    await migrate(handle.db, directory)
    writeFileSync(join(directory, '0001_a.sql'), 'create table a (n bigint);')
    await expect(migrate(handle.db, directory)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('0001_a') })
  })

  test('refuses a database that a newer version has migrated', async () => {
    const newer = join(root, `newer-${kind}`)
    cpSync(directory, newer, { recursive: true })
    writeFileSync(join(newer, '0003_c.sql'), 'create table c (n int);')
    await migrate(handle.db, newer)
    await expect(migrate(handle.db, directory)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('0003_c') })
  })

  test('keeps nothing of a file that fails, and says why', async () => {
    writeFileSync(join(directory, '0002_b.sql'), 'create table b (n int); select nonsense;')
    await expect(migrate(handle.db, directory)).rejects.toThrow(/0002_b failed: .*nonsense/)
    expect(await rowsOf('a')).toEqual([{ n: 1 }])
    await expect(rowsOf('b')).rejects.toThrow()
  })

  test('runs safely from several starters at once', async () => {
    const script = `
      const { openDatabase } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/db/database.ts'))})
      const { migrate } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/db/migrate.ts'))})
      await using handle = await openDatabase({ url: process.env.RACE_URL, stateDir: '' })
      console.log(JSON.stringify(await migrate(handle.db, ${JSON.stringify(directory)})))`
    const starters =
      kind === 'postgres'
        ? Array.from({ length: 3 }, async () => {
            const [row] = await handle.db.execute<{ name: string }>(sql`select current_database() as name`)
            const url = new URL(process.env.TEST_DATABASE_URL as string)
            url.pathname = `/${row?.name}`
            const child = Bun.spawn([process.execPath, '-e', script], {
              env: { ...process.env, RACE_URL: url.href },
              cwd: import.meta.dirname,
              stderr: 'inherit',
            })
            return JSON.parse(await new Response(child.stdout).text()) as string[]
          })
        : Array.from({ length: 3 }, () => migrate(handle.db, directory))
    const applied = await Promise.all(starters)
    expect(applied.flat().sort()).toEqual(['0001_a', '0002_b'])
    expect(await rowsOf('a')).toEqual([{ n: 1, m: null }])
  })
})
