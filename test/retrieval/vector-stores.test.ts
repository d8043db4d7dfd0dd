import { NotFoundError, toFile } from 'openai'
import { beforeAll, expect, test } from 'vitest'
import { createAttachments } from '../../src/retrieval/attachments.ts'
import { describeDatabases } from '../support/database.ts'
import { serveRetrieval } from './support/api.ts'
import { openLibrary } from './support/library.ts'

describeDatabases('vector stores by the openai SDK', (makeDatabase) => {
  let library: ReturnType<typeof openLibrary>
  let api: ReturnType<typeof serveRetrieval>
  beforeAll(async () => {
    library = openLibrary(await makeDatabase())
    api = serveRetrieval(library)
  })
  const upload = (tenant: string, name: string, text: string) =>
    api.client(tenant).files.create({ file: new File([text], name), purpose: 'assistants' })

  test('files are uploaded, listed, read back and deleted', async () => {
    const { files } = api.client('acme')
    const file = await upload('acme', 'weir.md', '# Weir\n\nA weir is a low dam.')
    expect(file).toMatchObject({ object: 'file', bytes: 28, filename: 'weir.md', purpose: 'assistants', status: 'processed' })
    expect(await files.retrieve(file.id)).toEqual(file)
    expect(await (await files.content(file.id)).text()).toContain('low dam')
    const second = await upload('acme', 'b.txt', 'second')
    const page = await files.list({ limit: 1 })
    expect(page.data.map(({ id }) => id)).toEqual([second.id])
    expect(page.has_more).toBe(true)
    const all: string[] = []
    for await (const { id } of files.list({ limit: 1 })) all.push(id)
    expect(all).toEqual([second.id, file.id])
    expect(await files.delete(file.id)).toMatchObject({ id: file.id, deleted: true })
    await expect(files.retrieve(file.id)).rejects.toThrow(NotFoundError)
  })

  test('a store is filled, polled, searched and filtered', async () => {
    const { vectorStores } = api.client('acme')
    const dam = await upload('acme', 'dam.md', '# Dams\n\nA weir is a low dam that measures a river.')
    const bird = await upload('acme', 'bird.md', '# Birds\n\nA heron stands in the river and waits for fish.')
    const store = await vectorStores.create({ name: 'rivers', metadata: { topic: 'water' } })
    expect(store).toMatchObject({ object: 'vector_store', name: 'rivers', status: 'completed', file_counts: { total: 0 } })
    const attached = await vectorStores.files.createAndPoll(store.id, { file_id: dam.id, attributes: { kind: 'structure', year: 1920 } })
    expect(attached).toMatchObject({ id: dam.id, status: 'completed', last_error: null, vector_store_id: store.id })
    expect(attached.usage_bytes).toBeGreaterThan(0)
    await vectorStores.files.createAndPoll(store.id, { file_id: bird.id, attributes: { kind: 'animal', year: 1999 } })
    expect((await vectorStores.retrieve(store.id)).file_counts).toMatchObject({ completed: 2, total: 2 })

    const { data } = await vectorStores.search(store.id, { query: 'low dam' })
    expect(data[0]).toMatchObject({ file_id: dam.id, filename: 'dam.md', attributes: { kind: 'structure' } })
    expect(data[0]?.content[0]?.text).toContain('low dam')
    const search = async (filters: object) =>
      (await vectorStores.search(store.id, { query: 'river', filters: filters as never })).data.map(({ file_id }) => file_id)
    expect(await search({ type: 'eq', key: 'kind', value: 'animal' })).toEqual([bird.id])
    expect(await search({ type: 'lt', key: 'year', value: 1950 })).toEqual([dam.id])
    expect(
      await search({
        type: 'and',
        filters: [
          { type: 'gte', key: 'year', value: 1900 },
          { type: 'ne', key: 'kind', value: 'animal' },
        ],
      }),
    ).toEqual([dam.id])
    expect(await search({ type: 'in', key: 'kind', value: ['none'] })).toEqual([])
    expect((await vectorStores.search(store.id, { query: 'river', max_num_results: 1 })).data).toHaveLength(1)
    expect((await vectorStores.search(store.id, { query: 'entirely unrelated', ranking_options: { score_threshold: 0.99 } })).data).toEqual(
      [],
    )
  })

  test('a batch reports the files that fail and keeps the rest', async () => {
    const { vectorStores } = api.client('acme')
    const good = await upload('acme', 'good.txt', 'a good text about locks')
    const bad = await upload('acme', 'bad.pdf', 'not a pdf at all')
    const store = await vectorStores.create({ name: 'batch' })
    const batch = await vectorStores.fileBatches.createAndPoll(store.id, { file_ids: [good.id, bad.id] })
    expect(batch).toMatchObject({ status: 'completed', file_counts: { completed: 1, failed: 1, total: 2 } })
    const failed = await vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: store.id, filter: 'failed' })
    expect(failed.data).toMatchObject([{ id: bad.id, last_error: { code: 'invalid_file', message: expect.stringContaining('.pdf') } }])
    const content = await vectorStores.files.content(good.id, { vector_store_id: store.id })
    expect(content.data[0]).toMatchObject({ type: 'text', text: 'a good text about locks' })
  })

  test('a batch uploaded by the SDK itself', async () => {
    const { vectorStores } = api.client('acme')
    const store = await vectorStores.create({})
    const files = await Promise.all([1, 2, 3].map((at) => toFile(Buffer.from(`text number ${at}`), `${at}.txt`)))
    const batch = await vectorStores.fileBatches.uploadAndPoll(store.id, { files })
    expect(batch.file_counts).toMatchObject({ completed: 3, total: 3 })
    await vectorStores.update(store.id, { name: 'renamed', expires_after: { anchor: 'last_active_at', days: 7 } })
    expect(await vectorStores.retrieve(store.id)).toMatchObject({ name: 'renamed', expires_after: { days: 7 } })
    expect((await vectorStores.list({ limit: 100 })).data.map(({ id }) => id)).toContain(store.id)
    const [first] = (await vectorStores.files.list(store.id)).data
    await vectorStores.files.delete(first?.id ?? '', { vector_store_id: store.id })
    expect((await vectorStores.files.list(store.id)).data).toHaveLength(2)
    expect(await vectorStores.delete(store.id)).toMatchObject({ deleted: true })
    await expect(vectorStores.retrieve(store.id)).rejects.toThrow(NotFoundError)
  })

  test('files that a process which died left unread are taken up by the next', async () => {
    const file = await upload('acme', 'left.txt', 'left unread about otters')
    const store = await api.client('acme').vectorStores.create({})
    const { attachments } = api
    const collection = await library.collectionOf('acme', store.id)
    const dying = createAttachments(library, { concurrency: 0 })
    await dying.attach(collection, [{ fileId: file.id }])
    expect(await attachments.attachmentOf(collection, file.id)).toMatchObject({ status: 'in_progress' })
    await attachments.resume()
    await attachments.idle()
    expect(await attachments.attachmentOf(collection, file.id)).toMatchObject({ status: 'completed', version: 1 })
  })

  test("another tenant's ids are unknown", async () => {
    const file = await upload('acme', 'secret.txt', 'a secret about weirs')
    const store = await api.client('acme').vectorStores.create({ name: 'secret' })
    await api.client('acme').vectorStores.files.createAndPoll(store.id, { file_id: file.id })
    const other = api.client('other')
    const own = await other.vectorStores.create({ name: 'own' })
    for (const attempt of [
      () => other.files.retrieve(file.id),
      () => other.files.content(file.id),
      () => other.files.delete(file.id),
      () => other.vectorStores.retrieve(store.id),
      () => other.vectorStores.search(store.id, { query: 'secret' }),
      () => other.vectorStores.delete(store.id),
      () => other.vectorStores.files.list(store.id),
      () => other.vectorStores.files.create(own.id, { file_id: file.id }),
    ])
      await expect(attempt()).rejects.toThrow(NotFoundError)
    expect((await other.files.list()).data).toEqual([])
    expect((await other.vectorStores.list()).data.map(({ id }) => id)).toEqual([own.id])
  })

  test('what is not supported is refused by name', async () => {
    const { vectorStores } = api.client('acme')
    const overlap = { type: 'static', static: { max_chunk_size_tokens: 300, chunk_overlap_tokens: 100 } } as const
    await expect(vectorStores.create({ chunking_strategy: overlap })).rejects.toMatchObject({
      status: 400,
      param: 'chunking_strategy.static.chunk_overlap_tokens',
    })
    const store = await vectorStores.create({})
    await expect(vectorStores.search(store.id, { query: 'x', rewrite_query: true })).rejects.toMatchObject({
      status: 400,
      param: 'rewrite_query',
    })
    await expect(vectorStores.search(store.id, { query: '   ' })).rejects.toMatchObject({ status: 400 })
    await expect(
      api.client('acme').files.create({ file: new File([new Uint8Array(2 << 20)], 'a.txt'), purpose: 'assistants' }),
    ).rejects.toMatchObject({ status: 413 })
  })
})
