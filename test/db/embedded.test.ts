import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { notify } from '../../src/db/notify.ts'
import { emptyState } from '../support/database.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'weir-embedded-'))
afterAll(() => rmSync(stateDir, { recursive: true, force: true }))

const source = join(import.meta.dirname, '../../src/db/database.ts')

/** Another process that opens the state, says `open`, and stays. */
const anotherProcess = async () => {
  const script = `
    const { openDatabase } = await import(${JSON.stringify(source)})
    const { sql } = await import('drizzle-orm')
    const handle = await openDatabase({ stateDir: ${JSON.stringify(stateDir)} })
    await handle.db.execute(sql.raw('create table if not exists left_behind (n int); insert into left_behind values (1)'))
    console.log('open')
    setInterval(() => {}, 1000)`
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit', cwd: import.meta.dirname })
  for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes('open')) break
  return child
}

test('one process at a time: the second is told who holds it and what to do; a killed holder leaves nothing in the way', async () => {
  await emptyState(stateDir)
  const holder = await anotherProcess()
  await expect(openDatabase({ stateDir })).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(new RegExp(`process ${holder.pid}, running since .*Stop that process.*DATABASE_URL`)),
  })

  holder.kill('SIGKILL')
  await holder.exited
  await using handle = await openDatabase({ stateDir })
  const [row] = await handle.db.execute<{ rows: number }>(sql`select count(*)::int as rows from left_behind`)
  expect(row?.rows).toBe(1)
  await expect(openDatabase({ stateDir })).rejects.toMatchObject({ code: 'conflict' })
})

test('opens again after a close, and hears notifications until told to stop', async () => {
  await using handle = await openDatabase({ stateDir })
  const heard: string[] = []
  const stop = await handle.listen('news', (payload) => heard.push(payload))
  await notify(handle.db, 'news', 'first')
  await expect.poll(() => heard).toEqual(['first'])
  await stop()
  await notify(handle.db, 'news', 'second')
  expect(heard).toEqual(['first'])
})
