import { sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import type { Collection } from '../../src/db/schema/retrieval.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { hashEmbedder } from './support/hash-embedder.ts'
import { find, never, openLibrary, put } from './support/library.ts'

describeDatabases('ingest', (makeDatabase) => {
  const model = hashEmbedder()
  let database: TestDatabase
  let library: ReturnType<typeof openLibrary>
  const fresh = (handle: string): Promise<Collection> => library.ensureCollection('acme', handle, { embedding: 'words', kind: 'hnsw' })

  beforeAll(async () => {
    database = await makeDatabase()
    library = openLibrary(database, { models: [model] })
  })

  const page = (sections: [string, string][]) => `# Rivers\n\n${sections.map(([title, text]) => `## ${title}\n\n${text}`).join('\n\n')}\n`
  const long = (word: string) => `${`The ${word} is described here in a sentence about the ${word} and its bed. `.repeat(8)}`

  test('a document is found by meaning and by word, with heading path and exact offsets', async () => {
    const collection = await fresh('found')
    const text = page([
      ['Weirs', long('weir')],
      ['Sluices', long('sluice')],
    ])
    expect(await put(library, collection, 'rivers.md', text)).toMatchObject({ outcome: 'added', embedded: 2, reused: 0 })
    const [hit] = await find(library, collection, 'what is a sluice?')
    expect(hit).toMatchObject({ externalId: 'rivers.md', title: 'Rivers', headingPath: ['Rivers', 'Sluices'], version: 1 })
    expect(text.slice(hit?.charStart, hit?.charEnd)).toBe(hit?.text)
  })

  test('an unchanged document costs no embedding, a changed one only for its changed chunks', async () => {
    const collection = await fresh('changes')
    const sections: [string, string][] = ['weir', 'sluice', 'lock'].map((word) => [word, long(word)])
    await put(library, collection, 'rivers.md', page(sections))
    const before = await find(library, collection, 'lock')
    model.embedded.length = 0
    expect(await put(library, collection, 'rivers.md', page(sections))).toMatchObject({ outcome: 'unchanged' })
    expect(model.embedded).toEqual([])

    const changed: [string, string][] = [['intro', long('preface')], ...sections.slice(1)]
    expect(await put(library, collection, 'rivers.md', page(changed))).toMatchObject({ outcome: 'updated', embedded: 1, reused: 2 })
    expect(model.embedded).toHaveLength(1)
    expect(model.embedded[0]).toContain('preface')
    expect((await find(library, collection, 'weir')).filter((hit) => hit.text.includes('weir'))).toEqual([])
    const after = await find(library, collection, 'lock')
    expect(after[0]).toMatchObject({ version: 2, chunkId: before[0]?.chunkId })
    expect(page(changed).slice(after[0]?.charStart, after[0]?.charEnd)).toBe(after[0]?.text)
  })

  test('another chunk size makes every document stale', async () => {
    const collection = await fresh('settings')
    await put(library, collection, 'a.md', page([['weir', long('weir')]]))
    const narrower = { ...collection, maxChunkTokens: 40 }
    expect(await put(library, narrower, 'a.md', page([['weir', long('weir')]]))).toMatchObject({ outcome: 'updated' })
  })

  test('the same document from two callers at once is one document, complete', async () => {
    const collection = await fresh('concurrent')
    const text = page([['weir', long('weir')]])
    const results = await Promise.all([1, 2, 3, 4].map(() => put(library, collection, 'a.md', text)))
    expect(results.filter((result) => result.outcome === 'failed')).toEqual([])
    const [count] = await database.db.execute<{ documents: string; chunks: string; entries: string }>(sql`
      select (select count(*) from retrieval_document where collection_id = ${collection.id}) as documents,
             (select count(*) from retrieval_chunk where collection_id = ${collection.id}) as chunks,
             (select count(*) from retrieval_entry where index_id = ${collection.activeIndexId}) as entries`)
    expect(count).toEqual({ documents: '1', chunks: '1', entries: '1' })
  })

  test('different documents at once are all there', async () => {
    const collection = await fresh('parallel')
    await Promise.all(Array.from({ length: 12 }, (_, at) => put(library, collection, `doc-${at}.txt`, `number${at} speaks of topic${at}`)))
    for (const at of [0, 5, 11]) expect((await find(library, collection, `topic${at}`))[0]?.externalId).toBe(`doc-${at}.txt`)
  })

  test.each([
    ['empty', 'a.txt', new Uint8Array(), /empty/],
    ['white space', 'a.md', new TextEncoder().encode(' \n\n '), /no text/],
    ['binary', 'a.txt', Uint8Array.from({ length: 400 }, (_, at) => at % 7), /binary/],
    ['in another encoding', 'a.txt', Uint8Array.from([0x63, 0x61, 0x66, 0xe9, 0x20, 0x61]), /not UTF-8/],
    ['too large', 'a.txt', new Uint8Array(33 << 20).fill(97), /limit/],
    ['a broken archive named docx', 'a.docx', new Uint8Array([0x50, 0x4b, 3, 4, 0, 0, 0, 0]), /damaged/],
    ['text named pdf', 'a.pdf', new TextEncoder().encode('hello'), /named \.pdf/],
    ['not JSON', 'a.json', new TextEncoder().encode('{"a":'), /not valid JSON/],
  ])('a document that is %s fails with its reason and leaves the rest alone', async (title, filename, bytes, reason) => {
    const collection = await fresh(`bad-${title}`)
    const failed = await put(library, collection, filename, bytes)
    expect(failed).toMatchObject({ outcome: 'failed', error: { message: expect.stringMatching(reason) } })
    expect(await put(library, collection, 'good.md', 'a good weir')).toMatchObject({ outcome: 'added' })
    expect((await find(library, collection, 'weir'))[0]?.externalId).toBe('good.md')
  })

  test('a failed update leaves the version before it searchable', async () => {
    const collection = await fresh('failed-update')
    await put(library, collection, 'a.txt', 'the old weir')
    expect(await put(library, collection, 'a.txt', new Uint8Array([0xff, 0xff, 0x41]))).toMatchObject({ outcome: 'failed' })
    expect((await find(library, collection, 'weir'))[0]?.text).toBe('the old weir')
    expect(await put(library, collection, 'a.txt', 'the old weir')).toMatchObject({ outcome: 'unchanged' })
  })

  test('a deleted document is never found again', async () => {
    const collection = await fresh('deleted')
    const { documentId } = await put(library, collection, 'a.txt', 'a weir in the river')
    await put(library, collection, 'b.txt', 'a lock in the canal')
    expect(await library.deleteDocument(collection, documentId)).toBe(true)
    expect(await library.deleteDocument(collection, documentId)).toBe(false)
    expect((await find(library, collection, 'weir river')).map((hit) => hit.externalId)).toEqual(['b.txt'])
  })

  test('a vector that is not finite fails its document', async () => {
    const broken = hashEmbedder({ id: 'broken' })
    broken.embedder.embed = async ({ texts }) => ({ vectors: texts.map(() => new Float32Array(64).fill(Number.NaN)), tokens: 1 })
    const own = openLibrary(database, { models: [broken] })
    const collection = await own.ensureCollection('acme', 'nan', { embedding: 'broken', kind: 'hnsw' })
    expect(await put(own, collection, 'a.txt', 'a weir')).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringMatching(/finite/) },
    })
  })

  test('an aborted ingest throws and says so on its row', async () => {
    const collection = await fresh('aborted')
    const incoming = { externalId: 'a.txt', filename: 'a.txt', bytes: new TextEncoder().encode('a weir'), source: 'test' }
    await expect(library.ingest(collection, incoming, AbortSignal.abort())).rejects.toThrow()
    expect(await library.ingest(collection, incoming, never)).toMatchObject({ outcome: 'added' })
  })

  test('tenants do not see each other, even by id', async () => {
    const collection = await fresh('private')
    await put(library, collection, 'a.txt', 'a secret weir')
    await expect(library.collectionOf('other', collection.id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(library.collectionOf('other', 'private')).rejects.toMatchObject({ code: 'not_found' })
    await expect(
      library.retrieve({ collection: 'private', tenant: 'other', query: 'weir', topK: 3, tokenBudget: 500, requestId: 'r', signal: never }),
    ).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
