import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import type { Collection } from '../../src/db/schema/retrieval.ts'
import { activeIndexOf, indexesOf } from '../../src/retrieval/store/collections.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { find, never, openLibrary, put, scratchDir } from './support/library.ts'

const chunks = 2100

describeDatabases('snapshots', (makeDatabase) => {
  let database: TestDatabase
  let collection: Collection
  const stateDir = scratchDir()
  const folder = () => join(stateDir, 'retrieval/indexes', collection.id, collection.activeIndexId as string)

  /** A new process' view of the same state: what it warned of, and its index once that has settled. */
  const reopen = async () => {
    const warnings: string[] = []
    let pid = 0
    const library = openLibrary(database, {
      stateDir,
      log: (level, message, details) => {
        if (level === 'warn') warnings.push(`${message} ${JSON.stringify(details)}`)
        if (message === 'index engine is ready') pid = details?.pid as number
      },
    })
    const live = await library.indexes.of(await activeIndexOf(database.db, await library.collectionOf('acme', 'big')))
    return { library, live, warnings, pid: () => pid }
  }
  const settle = async ({ live }: Awaited<ReturnType<typeof reopen>>) => {
    for (let stats = await live.stats(); stats.building || stats.serving !== 'hnsw'; stats = await live.stats()) await Bun.sleep(25)
    return live.stats()
  }
  const textOf = (at: number) => `unique${at} ${`filler${at % 50} `.repeat(14)}`
  const finds = async (opened: Awaited<ReturnType<typeof reopen>>, at: number) =>
    expect((await find(opened.library, collection, `Heading${at} ${textOf(at)}`, { mode: 'dense' }))[0]?.text).toContain(`unique${at} `)

  beforeAll(async () => {
    database = await makeDatabase()
    const library = openLibrary(database, { stateDir })
    collection = await library.ensureCollection('acme', 'big', { embedding: 'words', kind: 'hnsw', maxChunkTokens: 32 })
    const text = Array.from({ length: chunks }, (_, at) => `# Heading${at}\n\n${textOf(at)}`).join('\n\n')
    expect(await put(library, collection, 'big.md', text)).toMatchObject({ outcome: 'added', embedded: chunks })
    const opened = { library, live: await library.indexes.of(await activeIndexOf(database.db, collection)), warnings: [], pid: () => 0 }
    expect(await settle(opened)).toMatchObject({ count: chunks, serving: 'hnsw' })
    await library.close()
  }, 120_000)

  test('a good snapshot serves at once, words included', async () => {
    const opened = await reopen()
    expect(await opened.live.stats()).toMatchObject({ count: chunks, serving: 'hnsw', building: false })
    expect(opened.warnings).toEqual([])
    await finds(opened, 7)
    expect((await find(opened.library, collection, 'unique1234', { mode: 'text' }))[0]?.text).toContain('unique1234')
    await opened.library.close()
  })

  test('what was committed after the snapshot is replayed from the log, removals too', async () => {
    const kept = scratchDir()
    cpSync(folder(), kept, { recursive: true })
    const first = await reopen()
    const { documentId } = await put(first.library, collection, 'late.txt', 'a latecomer called heron')
    await put(first.library, collection, 'later.txt', 'a latecomer called egret')
    await first.library.deleteDocument(collection, documentId)
    await first.library.close()
    rmSync(folder(), { recursive: true })
    cpSync(kept, folder(), { recursive: true })
    const second = await reopen()
    expect(await second.live.stats()).toMatchObject({ count: chunks + 1, serving: 'hnsw', building: false })
    expect(second.warnings).toEqual([])
    expect((await find(second.library, collection, 'latecomer egret heron')).map((hit) => hit.externalId)).not.toContain('late.txt')
    expect((await find(second.library, collection, 'latecomer egret'))[0]?.externalId).toBe('later.txt')
    await second.library.close()
  })

  const eachFile = (extension: string, spoil: (path: string) => void) => () => {
    for (const name of readdirSync(folder())) if (name.endsWith(extension)) spoil(join(folder(), name))
  }
  const damage: [string, () => void][] = [
    [
      'a flipped bit in the graph',
      eachFile('.graph', (path) => {
        const bytes = readFileSync(path)
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
        writeFileSync(path, bytes)
      }),
    ],
    ['a truncated graph', eachFile('.graph', (path) => truncateSync(path, 1000))],
    ['an empty graph', eachFile('.graph', (path) => truncateSync(path, 0))],
    ['a missing graph', eachFile('.graph', (path) => rmSync(path))],
    ['a truncated text index', eachFile('.text', (path) => truncateSync(path, 100))],
    [
      'a sidecar that claims another position',
      eachFile('.json', (path) => {
        const sidecar = JSON.parse(readFileSync(path, 'utf8'))
        writeFileSync(path, JSON.stringify({ ...sidecar, lastSeq: sidecar.lastSeq - 1 }))
      }),
    ],
    ['a sidecar that is not JSON', eachFile('.json', (path) => writeFileSync(path, '{'))],
  ]
  test.each(damage)('%s is refused with its reason and rebuilt while exact search answers', async (_title, spoil) => {
    spoil()
    const opened = await reopen()
    expect(opened.warnings[0]).toContain('snapshots were refused')
    await finds(opened, 99)
    expect(await settle(opened)).toMatchObject({ count: chunks + 1, serving: 'hnsw' })
    await finds(opened, 2000)
    // Writes a good one again for the next case.
    await opened.library.close()
    expect(readdirSync(folder()).filter((name) => name.endsWith('.json')).length).toBeGreaterThan(0)
  })

  test('a killed index process comes back with everything, and searches go on', async () => {
    const opened = await reopen()
    await finds(opened, 5)
    process.kill(opened.pid(), 'SIGKILL')
    for (let attempt = 0; ; attempt += 1) {
      try {
        await finds(opened, 6)
        break
      } catch (error) {
        if (attempt === 40) throw error
        await Bun.sleep(100)
      }
    }
    expect(await opened.live.stats()).toMatchObject({ count: chunks + 1 })
    await opened.library.close()
  })

  test('a deleted collection leaves no file behind', async () => {
    const opened = await reopen()
    const path = folder()
    await opened.library.deleteCollection(collection)
    expect(() => readdirSync(path)).toThrow()
    await opened.library.close()
  })
})

describe('kill -9 during ingest', () => {
  test('after restart the index equals the rows, and no document is half there', async () => {
    const stateDir = scratchDir()
    const child = Bun.spawn([process.execPath, join(import.meta.dirname, 'support/ingest-forever.ts'), stateDir], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    try {
      let seen = 0
      for await (const piece of child.stdout) {
        seen += new TextDecoder().decode(piece).split('\n').length - 1
        if (seen >= 12) break
      }
    } finally {
      child.kill('SIGKILL')
      await child.exited
    }

    const database = await openDatabase({ stateDir })
    const library = openLibrary(database, { stateDir })
    const collection = await library.collectionOf('default', 'docs')
    const [index] = await indexesOf(database.db, collection.id)
    const torn = await database.db.execute(sql`
      select d.external_id from retrieval_document d left join retrieval_document_version v on v.id = d.version_id
      where coalesce(v.chunks, 0) <> (select count(*) from retrieval_chunk c where c.document_id = d.id)
         or exists (select 1 from retrieval_chunk c where c.document_id = d.id and c.version_id <> d.version_id)`)
    expect([...torn]).toEqual([])
    const rows = await database.db.execute<{ label: number }>(sql`
      select e.label from retrieval_chunk c left join retrieval_entry e on e.chunk_id = c.id and e.index_id = ${index?.id} order by 1`)
    const live = await library.indexes.of(index!)
    const indexed = await live.vectors.search(new Float32Array(64).fill(1), 100_000, never)
    expect(indexed.map(({ label }) => label).sort((left, right) => left - right)).toEqual([...rows].map(({ label }) => label))
    expect(indexed.length).toBeGreaterThan(0)
    await library.close()
    await database.close()
  }, 120_000)
})
