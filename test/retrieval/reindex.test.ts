import { beforeAll, expect, test } from 'vitest'
import type { Collection } from '../../src/db/schema/retrieval.ts'
import { compareIndexes } from '../../src/retrieval/compare-indexes.ts'
import { hasPgvector } from '../../src/retrieval/index/pgvector.ts'
import { alignEmbedding, backfill, dropIndex, reclaimStandby, startReindex, switchIndex } from '../../src/retrieval/reindex.ts'
import { indexesOf } from '../../src/retrieval/store/collections.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { hashEmbedder } from './support/hash-embedder.ts'
import { find, never, openLibrary, put } from './support/library.ts'

const by = { actor: 'test', reason: 'because' }

describeDatabases('another embedding model', (makeDatabase) => {
  const blue = hashEmbedder({ id: 'blue', dimensions: 64 })
  const green = hashEmbedder({ id: 'green', dimensions: 128, salt: 'other' })
  let database: TestDatabase
  let library: ReturnType<typeof openLibrary>
  const fill = async (handle: string): Promise<Collection> => {
    const collection = await library.ensureCollection('acme', handle, { embedding: 'blue', kind: 'hnsw' })
    for (const word of ['weir', 'lock', 'sluice', 'dam'])
      await put(library, collection, `${word}.txt`, `a text about one ${word} in the river`)
    return collection
  }
  const read = (handle: string) => library.collectionOf('acme', handle)
  beforeAll(async () => {
    database = await makeDatabase()
    library = openLibrary(database, { models: [blue, green] })
  })

  test.for(['hnsw', 'exact', 'pgvector'] as const)(
    'is built beside (%s), written twice, compared, switched to, and rolled back from',
    async (kind, context) => {
      context.skip(kind === 'pgvector' && !(await hasPgvector(database.db)), 'this Postgres has no pgvector 0.8')
      const handle = `docs-${kind}`
      const collection = await fill(handle)
      const before = collection.activeIndexId as string
      const candidate = await startReindex(library, collection, 'green', kind)
      await expect(switchIndex(database.db, collection, candidate.id, before, by, Date.now())).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('lacks 4'),
      })
      const progress: number[] = []
      await backfill(library, candidate, ({ done }) => progress.push(done), never)
      expect(progress.at(-1)).toBe(4)

      // While both exist every write reaches both, and queries still read the old one alone.
      await put(library, collection, 'gate.txt', 'a text about one gate in the river')
      await put(library, collection, 'dam.txt', 'a text about one barrage in the river')
      expect((await find(library, await read(handle), 'one gate'))[0]?.externalId).toBe('gate.txt')

      const gains = { 'gate.txt': 1 }
      const comparison = await compareIndexes(
        library,
        collection,
        candidate.id,
        [{ query: 'one gate in the river', gains }, { query: 'a sluice' }],
        never,
      )
      expect(comparison).toMatchObject({ queries: 2, recallAt10: 1, overlapAt10: 1, ndcgAt10: { active: 1, candidate: 1 } })

      await switchIndex(database.db, await read(handle), candidate.id, before, by, Date.now())
      const result = await library.search(await read(handle), { query: 'barrage', limit: 1, requestId: 'r', signal: never })
      expect(result).toMatchObject({ indexId: candidate.id, embeddingVersion: green.version, hits: [{ externalId: 'dam.txt' }] })
      await expect(switchIndex(database.db, collection, before, before, by, Date.now())).rejects.toMatchObject({ code: 'conflict' })

      await put(library, await read(handle), 'late.txt', 'a text about one heron in the river')
      await switchIndex(database.db, await read(handle), before, candidate.id, by, Date.now())
      const back = await library.search(await read(handle), { query: 'heron', limit: 1, requestId: 'r', signal: never })
      expect(back).toMatchObject({ indexId: before, embeddingVersion: blue.version, hits: [{ externalId: 'late.txt' }] })

      await expect(dropIndex(library, await read(handle), before, by)).rejects.toMatchObject({ code: 'conflict' })
      expect(await reclaimStandby(library, 60_000)).toEqual([])
      expect(await reclaimStandby(library, -1)).toEqual([candidate.id])
      expect((await indexesOf(database.db, collection.id)).map(({ id }) => id)).toEqual([before])
      expect((await find(library, await read(handle), 'one gate'))[0]?.externalId).toBe('gate.txt')
    },
  )

  test('one at a time, taken up where it stopped, and never a model that is not configured', async () => {
    const collection = await fill('again')
    const candidate = await startReindex(library, collection, 'green', 'hnsw')
    expect((await startReindex(library, collection, 'green', 'hnsw')).id).toBe(candidate.id)
    await expect(startReindex(library, collection, 'green', 'exact')).rejects.toMatchObject({ code: 'conflict' })
    await expect(startReindex(library, collection, 'missing', 'hnsw')).rejects.toMatchObject({ code: 'model_not_found' })
    await expect(backfill(library, candidate, () => undefined, AbortSignal.abort())).rejects.toThrow()
    await backfill(library, candidate, () => undefined, never)
    await dropIndex(library, collection, candidate.id, by)
  })

  test('an index whose model is gone answers nothing rather than nonsense', async () => {
    const collection = await fill('orphan')
    const changed = openLibrary(database, { models: [hashEmbedder({ id: 'blue', dimensions: 64, salt: 'another file' })] })
    await expect(find(changed, collection, 'weir')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining("'blue'"),
    })
  })

  test('the configuration names another model: built beside while the old one is there, switched to when it is gone', async () => {
    const collection = await fill('aligned')
    const align = async (own: typeof library, embedding: string) => alignEmbedding(own, await read('aligned'), embedding, 'hnsw', never)
    expect(await align(library, 'blue')).toBe('aligned')
    expect(await align(library, 'green')).toBe('built')
    expect((await read('aligned')).activeIndexId).toBe(collection.activeIndexId)
    const upgraded = openLibrary(database, { models: [green] })
    expect(await align(upgraded, 'green')).toBe('switched')
    expect((await find(upgraded, await read('aligned'), 'one sluice'))[0]?.externalId).toBe('sluice.txt')
    expect(await put(upgraded, await read('aligned'), 'new.txt', 'a new heron')).toMatchObject({ outcome: 'added' })
    expect(await indexesOf(database.db, collection.id)).toMatchObject([{ embeddingVersion: green.version, state: 'active' }])
  })
})
