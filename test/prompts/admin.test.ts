import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { promptCommands } from '../../src/cli/prompts.ts'
import { suiteCases } from '../../src/compose/suite-cases.ts'
import { promptRoutes } from '../../src/http/admin/prompts.ts'
import type { Env } from '../../src/http/context.ts'
import { adminApp, runCli } from '../support/admin-app.ts'
import { describeDatabases } from '../support/database.ts'

describeDatabases('prompts by API and command', (makeDatabase) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-prompts-'))
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, 'prompts', path, '..'), { recursive: true })
    writeFileSync(join(folder, 'prompts', path), text)
  }
  const git = (...words: string[]) => execFileSync('git', ['-C', folder, '-c', 'user.name=Bo', '-c', 'user.email=bo@x', ...words])
  let app: Hono<Env>
  let now = Date.parse('2026-11-17T12:00:00Z')
  const weir = (...words: string[]) => runCli(app, promptCommands, ['prompts', ...words], { folder })

  beforeEach(async () => {
    const { db } = await makeDatabase()
    const casesOf = suiteCases(db, () => now, join(folder, 'evals'))
    app = adminApp({ '/admin/prompts': promptRoutes({ db, clock: () => now, findPassingEvalRun: async () => undefined, casesOf }) })
    rmSync(folder, { recursive: true, force: true })
    write(
      'support/answer.prompt',
      '---\ndescription: Answers\nweir.eval_suite: support\ninput: { schema: { q: string } }\n---\n{{> tone}}\nQ: {{q}}',
    )
    write('_tone.prompt', 'Be kind.\n')
    write(
      '../evals/support.yaml',
      'target: { prompt: support/answer, model: m }\ncases: [{ id: suite case, expected: x, vars: { q: why, r: 1 }, assert: [{ type: is-json }] }]',
    )
    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'Add answer')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('sync, edit, compare, promote, roll back, and look at what was where', async () => {
    expect(await weir('sync', '--dry-run')).toMatchObject({ code: 0, out: 'create support/answer → 1' })
    expect((await weir('list', '--json')).out).toBe('[]')
    expect((await weir('sync')).out).toContain('synced: 1 create, 0 unchanged')
    expect((await weir('sync')).out).toBe('nothing to change: 1 prompts are as in the folder')

    write('_tone.prompt', 'Be brief.\n')
    const second = await weir('sync')
    expect(second.out).toContain('update support/answer 1 → 2')
    expect(second.out).toContain('-Be kind.')
    expect((await weir('diff', 'support/answer', '1', '2')).out).toContain('+Be brief.')
    const diff = JSON.parse((await weir('diff', 'support/answer', '1', 'latest', '--json')).out)
    expect(diff.rendered).toMatchObject([{ name: 'suite case', patch: expect.stringContaining('-Be kind.') }])

    expect(await weir('promote', 'support/answer', 'production', '1', '--reason', 'first')).toMatchObject({
      code: 2,
      notes: expect.stringContaining('no passing eval run'),
    })
    await weir('promote', 'support/answer', 'production', '1', '--reason', 'first', '--override')
    now += 86_400_000
    expect((await weir('promote', 'support/answer', 'production', 'latest', '--reason', 'brief', '--override')).out).toBe(
      'support/answer: production moved from version 1 to version 2 (override)',
    )
    expect((await weir('rollback', 'support/answer', '--reason', 'rude')).out).toContain('moved from version 2 to version 1')
    expect((await weir('status')).out).toContain('support/answer: production serves version 1, the latest is 2')

    const history = JSON.parse((await weir('history', 'support/answer', '--json')).out)
    expect(history.versions).toMatchObject([
      { version: 2, git_commit: null },
      { version: 1, author: 'Bo <bo@x>', message: 'Add answer' },
    ])
    expect(history.events).toMatchObject([
      { kind: 'promote', to_version: 1, actor: 'ann (local)', override: true },
      { kind: 'promote', to_version: 2, reason: 'brief' },
      { kind: 'rollback', to_version: 1, reason: 'rude' },
    ])
    expect((await weir('history', 'support/answer')).out).toContain('Add answer')
    expect(JSON.parse((await weir('history', 'support/answer', '--at', '2026-11-17T13:00:00Z', '--json')).out)).toMatchObject([
      { label: 'production', to_version: 1, reason: 'first' },
    ])
  })

  test('render and show', async () => {
    await weir('sync')
    expect((await weir('render', 'support/answer', '--var', 'q=why')).out).toBe('[user]\nBe kind.\nQ: why')
    expect(await weir('render', 'support/answer')).toMatchObject({
      code: 1,
      error: { message: 'variable "q" is missing', param: 'variables.q' },
    })
    expect((await weir('show', 'support/answer')).out).toContain('Be kind.')
    expect(await weir('show', 'support/answer', 'production')).toMatchObject({ code: 1, error: { code: 'not_found' } })
    expect(await weir('show', 'nothing')).toMatchObject({ code: 1, error: { message: 'there is no prompt "nothing"' } })
    for (const path of ['support/answer', 'support%2Fanswer']) {
      const response = await app.request(`/admin/prompts/${path}/render`, {
        method: 'POST',
        body: JSON.stringify({ version: 1, variables: { q: 'x' }, history: [{ role: 'assistant', content: 'A' }] }),
      })
      expect(await response.json()).toMatchObject({
        name: 'support/answer',
        version: 1,
        messages: [{ role: 'assistant' }, { role: 'user' }],
      })
    }
  })

  test('faults are told with file and line, and change nothing', async () => {
    write('bad.prompt', 'x\n{{#if}}')
    expect(await weir('lint')).toMatchObject({ code: 2, out: expect.stringContaining('bad.prompt:2:1:') })
    expect(await weir('sync')).toMatchObject({ code: 1, error: { message: expect.stringContaining('bad.prompt:2:1:') } })
    expect((await weir('list', '--json')).out).toBe('[]')
    write('bad.prompt', 'good')
    expect(await weir('lint')).toMatchObject({ code: 0, out: '2 prompts, no faults' })
    expect(await weir('sync', 'nowhere')).toMatchObject({ code: 1, error: { message: expect.stringContaining('cannot read the folder') } })
  })

  test('every command has examples in its help', async () => {
    for (const command of ['sync', 'status', 'lint', 'list', 'show', 'diff', 'render', 'history', 'promote', 'rollback']) {
      const { out } = await weir(command, '--help')
      expect(out).toContain('Example')
      expect(out).toContain('--json')
    }
  })
})

test('every route is in the OpenAPI document', () => {
  const app = promptRoutes({ db: undefined as never, clock: Date.now, findPassingEvalRun: async () => undefined, casesOf: async () => [] })
  const document = app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'x', version: '1' } })
  expect(Object.keys(document.paths ?? {})).toEqual([
    '/',
    '/sync',
    '/lint',
    '/{name}/versions',
    '/{name}/events',
    '/{name}/promote',
    '/{name}/rollback',
    '/{name}/diff',
    '/{name}/render',
    '/{name}',
  ])
  expect(JSON.stringify(document)).toContain('expected_version')
})
