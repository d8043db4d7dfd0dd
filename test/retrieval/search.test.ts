import { beforeAll, expect, test } from 'vitest'
import type { Collection } from '../../src/db/schema/retrieval.ts'
import type { Reranker } from '../../src/models/reranker.ts'
import { createRetrieval } from '../../src/retrieval/retrieval.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { hashEmbedder } from './support/hash-embedder.ts'
import { find, never, openLibrary, put, scratchDir } from './support/library.ts'

describeDatabases('search', (makeDatabase) => {
  const model = hashEmbedder()
  let database: TestDatabase
  let library: ReturnType<typeof openLibrary>
  let collection: Collection
  beforeAll(async () => {
    database = await makeDatabase()
    library = openLibrary(database, { models: [model] })
    collection = await library.ensureCollection('default', 'docs', { embedding: 'words', kind: 'hnsw' })
    const topics = [
      'weirs measure rivers',
      'locks lift boats',
      'sluices open and close',
      'herons wait for fish',
      'Errors carry the code ERR_4711 in the log',
    ]
    for (const [at, topic] of topics.entries())
      await put(library, collection, `${at}.txt`, `${topic}.`, { attributes: { number: at, odd: at % 2 === 1 } })
    await put(
      library,
      collection,
      'long.md',
      `# Manual\n\n${['first', 'second', 'third'].map((word) => `## Part ${word}\n\n${`The ${word} part explains ${word} things. `.repeat(35)}`).join('\n\n')}`,
    )
  })
  const retrieve = (query: string, more: object = {}) =>
    library.retrieve({ collection: 'docs', tenant: 'default', query, topK: 3, tokenBudget: 600, requestId: 'r', signal: never, ...more })

  test('a long question finds what holds some of its words', async () => {
    const hits = await find(library, collection, 'could you perhaps tell me in which way the herons of this country wait before they eat', {
      mode: 'text',
    })
    expect(hits[0]?.externalId).toBe('3.txt')
  })

  test('a code that no embedding knows is found by its letters', async () => {
    expect((await find(library, collection, 'ERR_4711'))[0]?.externalId).toBe('4.txt')
  })

  test('the query is embedded once, and every stage is timed', async () => {
    let calls = 0
    const { embed } = model.embedder
    model.embedder.embed = (request) => {
      calls += 1
      return embed(request)
    }
    const { timings } = await library.search(collection, { query: 'herons', limit: 3, requestId: 'r', signal: never })
    model.embedder.embed = embed
    expect(calls).toBe(1)
    expect(Object.keys(timings)).toEqual(['embed', 'words', 'dense', 'text', 'rows', 'rerank', 'total'])
    expect(timings.total).toBeGreaterThan(0)
  })

  test('a filter holds for both halves', async () => {
    for (const mode of ['hybrid', 'dense', 'text'] as const) {
      const hits = await find(library, collection, 'herons fish locks boats weirs', {
        mode,
        filter: { type: 'eq', key: 'odd', value: true },
      })
      expect(hits.map((hit) => hit.externalId).sort()).toEqual(['1.txt', '3.txt'])
    }
    expect(
      await find(library, collection, "x'); drop table retrieval_chunk; --", { filter: { type: 'eq', key: "'; --", value: "'" } }),
    ).toEqual([])
  })

  test('retrieve fences passages, expands to neighbours within the budget, and cites offsets', async () => {
    const { passages, fencedText, nonce } = await retrieve('second part things', { topK: 1, tokenBudget: 2000 })
    expect(passages).toHaveLength(1)
    expect(passages[0]?.text).toContain('The first part')
    expect(passages[0]?.text).toContain('The third part')
    expect(fencedText.startsWith(`<passages-${nonce}>\n[1] Manual > `)).toBe(true)
    const small = await retrieve('second part things', { topK: 1, tokenBudget: 250 })
    expect(small.passages[0]?.text).not.toContain('The third part')
  })

  test('nothing relevant is nothing, not the least bad', async () => {
    expect(await retrieve('quantum chromodynamics lattice')).toMatchObject({ passages: [], fencedText: '' })
  })

  test("a tenant's route reads the shared collection, or its own of the same name", async () => {
    expect((await retrieve('herons', { tenant: 'acme' })).passages[0]?.externalId).toBe('3.txt')
    const own = await library.ensureCollection('acme', 'docs', { embedding: 'words', kind: 'exact' })
    await put(library, own, 'own.txt', 'our own herons')
    expect((await retrieve('herons', { tenant: 'acme' })).passages.map((passage) => passage.externalId)).toEqual(['own.txt'])
    expect((await retrieve('herons')).passages.map((passage) => passage.externalId)).toEqual(['3.txt'])
  })

  test('a reranker has the last word when asked', async () => {
    const reranker: Reranker = {
      id: 'by-boats',
      rerank: async ({ documents }) => ({ scores: documents.map((document) => (document.includes('boats') ? 0.9 : 0.1)), tokens: 1 }),
    }
    const own = createRetrieval({
      database,
      stateDir: scratchDir(),
      models: () => [model],
      reranker: () => reranker,
      sharedTenant: 'default',
      log: () => undefined,
      clock: Date.now,
    })
    expect((await find(own, collection, 'herons locks', { rerank: true }))[0]).toMatchObject({ externalId: '1.txt', score: 0.9 })
    expect((await find(own, collection, 'herons wait', { rerank: false }))[0]?.externalId).toBe('3.txt')
    await own.close()
  })

  test('an aborted search stops', async () => {
    await expect(library.search(collection, { query: 'herons', limit: 3, requestId: 'r', signal: AbortSignal.abort() })).rejects.toThrow()
  })
})
