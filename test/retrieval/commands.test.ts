import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { beforeAll, expect, test } from 'vitest'
import { collectionCommands } from '../../src/cli/collections.ts'
import { type CliContext, CommandExit } from '../../src/cli/context.ts'
import { ingestCommands } from '../../src/cli/ingest.ts'
import { auditEvents } from '../../src/db/schema/serve.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { serveRetrieval } from './support/api.ts'
import { hashEmbedder } from './support/hash-embedder.ts'
import { openLibrary, scratchDir } from './support/library.ts'

describeDatabases('weir ingest and weir collections', (makeDatabase) => {
  const folder = scratchDir()
  let database: TestDatabase
  let api: ReturnType<typeof serveRetrieval>

  /** Runs a command as a person would: what it printed, what it noted, how it ended. */
  const weir = async (...words: string[]) => {
    const printed: string[] = []
    const noted: string[] = []
    const context: CliContext = {
      async request(path, init = {}) {
        const headers = { authorization: 'Bearer default', ...(init.json === undefined ? {} : { 'content-type': 'application/json' }) }
        const response = await api.fetch(
          new Request(new URL(path, 'http://weir'), { method: init.method ?? 'GET', headers, body: JSON.stringify(init.json) ?? null }),
        )
        if (!response.ok) throw new Error(((await response.json()) as { error: { message: string } }).error.message)
        return response
      },
      print: (line) => printed.push(line),
      note: (line) => noted.push(line),
      interactive: false,
      actor: 'tester',
      folder,
      environment: {},
    }
    const program = new Command('weir').exitOverride()
    ingestCommands(program, context)
    collectionCommands(program, context)
    let exitCode = 0
    try {
      await program.parseAsync(words, { from: 'user' })
    } catch (error) {
      if (!(error instanceof CommandExit)) throw error
      exitCode = error.exitCode
    }
    return { printed, noted, exitCode }
  }

  beforeAll(async () => {
    database = await makeDatabase()
    api = serveRetrieval(openLibrary(database, { models: [hashEmbedder(), hashEmbedder({ id: 'better', salt: 'b' })] }))
    mkdirSync(join(folder, 'docs'))
    writeFileSync(join(folder, 'docs/weir.md'), '# Weirs\n\nA weir is a low dam.')
    writeFileSync(join(folder, 'docs/lock.md'), '# Locks\n\nA lock lifts boats.')
    writeFileSync(join(folder, 'questions.jsonl'), '{"query": "low dam", "gains": {"docs/weir.md": 1}}\n{"query": "boats"}\n')
  })

  test('a folder goes in, a failing document is named and makes the exit code 1, the rest is in', async () => {
    expect(await weir('ingest', 'docs', '--collection', 'handbook')).toEqual({ printed: ['2 added'], noted: [], exitCode: 0 })
    writeFileSync(join(folder, 'docs/broken.json'), '{')
    const { printed, noted, exitCode } = await weir('ingest', 'docs', '--collection', 'handbook', '--json')
    expect({ noted, exitCode }).toEqual({ noted: [], exitCode: 1 })
    const lines = printed.map((line) => JSON.parse(line))
    expect(lines.at(-1)).toMatchObject({
      type: 'done',
      unchanged: 2,
      failed: 1,
      failures: [{ document: 'docs/broken.json', message: expect.stringContaining('JSON') }],
    })
    expect(lines.filter(({ type }) => type === 'progress')).toHaveLength(3)
  })

  test('what cannot be read at all ends the command with its reason', async () => {
    await expect(weir('ingest', 'nowhere', '--collection', 'handbook')).rejects.toThrow(/no file or folder/)
    await expect(weir('ingest', 'http://127.0.0.1/', '--collection', 'handbook')).rejects.toThrow(/public internet/)
  })

  test('another embedding model: reindex, compare, switch, rollback, each switch on the record', async () => {
    expect((await weir('collections', 'list')).printed[0]).toMatch(/handbook\s+2\s+1\s+2\s+active hnsw words/)
    expect((await weir('collections', 'reindex', 'handbook', '--embedding', 'better')).printed[0]).toMatch(/is complete/)
    const { printed } = await weir('collections', 'compare', 'handbook', '--queries', 'questions.jsonl')
    expect(JSON.parse(printed[0] ?? '')).toEqual({ queries: 2, recall_at_10: 1, overlap_at_10: 1, ndcg_at_10: { active: 1, candidate: 1 } })
    await weir('collections', 'switch', 'handbook', '--reason', 'better')
    expect((await weir('collections', 'list')).printed[0]).toMatch(/active hnsw better/)
    await weir('collections', 'rollback', 'handbook', '--reason', 'worse')
    expect((await weir('collections', 'list')).printed[0]).toMatch(/active hnsw words/)
    const events = await database.db.select().from(auditEvents)
    expect(events.filter(({ action }) => action === 'collection.switch').map(({ reason }) => reason)).toEqual(['better', 'worse'])
  })
})
