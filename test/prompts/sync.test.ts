import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { openPrompt } from '../../src/prompts/prompt.ts'
import { type SyncRequest, syncPrompts } from '../../src/prompts/sync.ts'
import { readTreeFiles, type TreeFile } from '../../src/prompts/tree.ts'
import { findVersion, listPrompts, loadSources, versionHistory } from '../../src/prompts/versions.ts'
import { describeDatabases } from '../support/database.ts'
import { thrownBy } from './support.ts'

const tree = (files: Record<string, string>): TreeFile[] => Object.entries(files).map(([path, text]) => ({ path, text }))

const base = {
  'support/answer.prompt': '---\ndescription: Answers\ninput: { schema: { q: string } }\n---\n{{> rules}}{{role "user"}}{{q}}',
  'support/answer.short.prompt': 'Be brief.',
  '_rules.prompt': '{{role "system"}}Rules. {{> tone/calm}}',
  'tone/_calm.prompt': 'Stay calm.',
}

describeDatabases('sync', (makeDatabase) => {
  let db: Database
  const sync = (files: TreeFile[], more: Partial<SyncRequest> = {}) =>
    syncPrompts(db, { files, dryRun: false, actor: 'ann', reason: 'test', gitCommit: 'c0ffee', nowMs: 1000, ...more })
  const changes = async (...parameters: Parameters<typeof sync>) =>
    (await sync(...parameters)).changes.map((change) => [change.kind, change.name, 'to' in change ? change.to : change.from])

  beforeEach(async () => {
    db = (await makeDatabase()).db
  })

  test('makes versions once, with their origin', async () => {
    const provenance = { 'support/answer.prompt': { gitCommit: 'abc', author: 'Bo <bo@x>', message: 'Add answer' } }
    expect(await changes(tree(base), { provenance })).toEqual([
      ['create', 'support/answer', 1],
      ['create', 'support/answer.short', 1],
    ])
    expect(await sync(tree(base))).toEqual({ changes: [], unchanged: 2 })
    expect(await findVersion(db, 'support/answer', 1)).toMatchObject({
      gitCommit: 'abc',
      author: 'Bo <bo@x>',
      message: 'Add answer',
      gitPath: 'support/answer.prompt',
      createdBy: 'ann',
      createdAtMs: 1000,
      frontMatter: { description: 'Answers' },
    })
    expect(await listPrompts(db)).toMatchObject([
      { name: 'support/answer', latest: 1, description: 'Answers', labels: {} },
      { name: 'support/answer.short', latest: 1 },
    ])
  })

  test('a dry run changes nothing', async () => {
    expect(await changes(tree(base), { dryRun: true })).toHaveLength(2)
    expect(await listPrompts(db)).toEqual([])
  })

  test('a changed partial makes versions of the prompts that reach it, and of no other', async () => {
    await sync(tree(base))
    expect(await changes(tree({ ...base, 'tone/_calm.prompt': 'Stay cool.' }))).toEqual([['update', 'support/answer', 2]])
    const [first, second] = await loadSources(db, [
      { name: 'support/answer', version: 1 },
      { name: 'support/answer', version: 2 },
    ])
    const rendered = [first, second].map((source) => source && openPrompt(source).render({ variables: { q: 'Q' } }).messages[0]?.content)
    expect(rendered.toSorted()).toEqual(['Rules. Stay calm.', 'Rules. Stay cool.'])
  })

  test('going back to an earlier text goes back to its version', async () => {
    await sync(tree(base))
    await sync(tree({ ...base, 'support/answer.short.prompt': 'Be very brief.' }))
    expect(await changes(tree(base))).toEqual([['restore', 'support/answer.short', 1]])
    expect(await versionHistory(db, 'support/answer.short')).toHaveLength(2)
    expect(await changes(tree({ ...base, 'support/answer.short.prompt': 'Third.' }))).toEqual([['update', 'support/answer.short', 3]])
  })

  test('layout, comments and line ends of a file make no version', async () => {
    await sync(tree(base))
    const text =
      '# why\r\n---\r\ninput:\r\n  schema:\r\n    q: string # the question\r\ndescription: Answers\r\n---\r\n\r\n{{> rules}}{{role "user"}}{{q}}\r\n'
    const reformatted = tree({ ...base, 'support/answer.prompt': text })
    expect(await changes(reformatted)).toEqual([['reformat', 'support/answer', 1]])
    expect(await sync(reformatted)).toEqual({ changes: [], unchanged: 2 })
  })

  test('a file that is gone is archived, and comes back as it was', async () => {
    await sync(tree(base))
    const { 'support/answer.short.prompt': _gone, ...rest } = base
    expect(await changes(tree(rest))).toEqual([['archive', 'support/answer.short', 1]])
    expect(await sync(tree(rest))).toEqual({ changes: [], unchanged: 1 })
    expect(await findVersion(db, 'support/answer.short', 1)).toMatchObject({ source: 'Be brief.' })
    expect(await changes(tree(base))).toEqual([['restore', 'support/answer.short', 1]])
    expect((await listPrompts(db)).every((prompt) => prompt.archivedAtMs === null)).toBe(true)
  })

  test('one faulty file applies nothing, and every problem is told', async () => {
    const files = tree({ ...base, 'a.prompt': '{{#if x}}', 'b.prompt': '{{> nope}}', '_rules.prompt': '{{role "robot"}}' })
    const error = await sync(files).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'invalid_request' })
    const { message } = error as Error
    for (const place of ['a.prompt:1:1:', 'b.prompt:1:1:', '_rules.prompt:1:1:']) expect(message).toContain(place)
    expect(await listPrompts(db)).toEqual([])
  })

  test('refuses an empty tree, names that are no names, and two files of one name', async () => {
    await sync(tree(base))
    await expect(sync([])).rejects.toThrow('no prompts here')
    await expect(sync(tree({ 'a b.prompt': 'x' }))).rejects.toThrow('a b.prompt:1:1')
    await expect(sync(tree({ '../x.prompt': 'x' }))).rejects.toThrow('../x.prompt:1:1')
    await expect(sync(tree({ 'x.prompt': 'a\0b' }))).rejects.toThrow('x.prompt:1:1: the text has a NUL')
    await expect(sync(tree({ 'A.prompt': 'x', 'a.prompt': 'y' }))).rejects.toThrow('a.prompt:1:1: A.prompt already has this name')
  })

  test('two syncs at once make one version', async () => {
    const results = await Promise.all([changes(tree(base)), changes(tree(base))])
    expect(results.map((result) => result.length).toSorted()).toEqual([0, 2])
  })

  test('versions and events cannot be rewritten', async () => {
    await sync(tree(base))
    const state = await db.execute(sql`update prompt_versions set source = 'x'`).catch((error: Error) => error.cause)
    expect(String(state)).toContain('append-only')
    await expect(db.execute(sql`delete from prompt_sync_events`)).rejects.toThrow()
  })
})

test('a tree is read from a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-tree-'))
  try {
    mkdirSync(join(folder, 'x'))
    writeFileSync(join(folder, 'x/a.prompt'), '\uFEFFhi')
    writeFileSync(join(folder, 'notes.md'), 'no')
    expect(await readTreeFiles(folder)).toEqual([{ path: 'x/a.prompt', text: 'hi' }])
    writeFileSync(join(folder, 'b.prompt'), Uint8Array.of(0xff, 0xfe))
    await expect(readTreeFiles(folder)).rejects.toThrow('b.prompt is not UTF-8')
    await expect(readTreeFiles(join(folder, 'none'))).rejects.toThrow('cannot read the folder')
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(thrownBy(() => openPrompt({ name: 'a', path: 'a.prompt', text: '{{#if}}', partials: {} }))).toMatchObject({
    code: 'invalid_request',
  })
})
