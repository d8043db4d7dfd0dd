import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fetchDocument } from '../../src/retrieval/source/fetch-url.ts'
import { isPublicAddress } from '../../src/retrieval/source/public-address.ts'
import { ingestTree } from '../../src/retrieval/source/tree.ts'
import { describeDatabases, type TestDatabase } from '../support/database.ts'
import { hashEmbedder } from './support/hash-embedder.ts'
import { find, never, openLibrary, scratchDir } from './support/library.ts'

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1%eth0',
    'fc00::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'ff02::1',
    '2001:db8::1',
    'localhost',
    '',
  ])('%j is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '[2606:4700:4700::1111]'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })
})

describe('fetching', () => {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/page') return new Response('<h1>hello</h1>', { headers: { 'content-type': 'text/html; charset=utf-8' } })
      if (pathname === '/hop') return Response.redirect('/page')
      if (pathname === '/loop') return Response.redirect('/loop')
      if (pathname === '/inside') return Response.redirect('http://169.254.169.254/latest/meta-data')
      if (pathname === '/named-inside') return Response.redirect('http://rebound.test/')
      if (pathname === '/image') return new Response('x', { headers: { 'content-type': 'image/png' } })
      if (pathname === '/large') return new Response('x'.repeat(5000), { headers: { 'content-type': 'text/plain' } })
      if (pathname === '/slow')
        return new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) }), {
          headers: { 'content-type': 'text/plain' },
        })
      return new Response('no', { status: 404 })
    },
  })
  afterAll(() => server.stop(true))
  /** Names: `server.test` is the server above; `rebound.test` answers with a public and a private address. */
  const lookup: LookupFunction = (hostname, _options, done) =>
    done(
      null,
      hostname === 'server.test'
        ? [{ address: '127.0.0.1', family: 4 }]
        : [
            { address: '8.8.8.8', family: 4 },
            { address: '127.0.0.2', family: 4 },
          ],
    )
  const options = {
    maxBytes: 4000,
    timeoutMs: 1500,
    isAllowed: (address: string) => address === '127.0.0.1' || isPublicAddress(address),
    lookup,
  }
  const get = (path: string) => fetchDocument(`http://server.test:${server.port}${path}`, options, never)

  test('takes documents, with a name that fits their type', async () => {
    expect(await get('/page')).toMatchObject({ filename: 'page.html', bytes: Buffer.from('<h1>hello</h1>') })
    expect((await get('/hop')).url).toMatch(/\/page$/)
  })

  test.each([
    ['/loop', 'invalid_request', /redirects/],
    ['/inside', 'invalid_request', /public internet/],
    ['/named-inside', 'invalid_request', /public internet/],
    ['/image', 'invalid_request', /image\/png/],
    ['/large', 'payload_too_large', /4000/],
    ['/slow', 'timeout', /1\.5 s/],
    ['/missing', 'invalid_request', /404/],
  ])('%s is refused', async (path, code, message) => {
    await expect(get(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'http://user:secret@example.com/',
    'nonsense',
  ])('%s is never connected to', async (address) => {
    await expect(fetchDocument(address, { maxBytes: 1, timeoutMs: 1000 }, never)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describeDatabases('a folder', (makeDatabase) => {
  const model = hashEmbedder()
  let database: TestDatabase
  let library: ReturnType<typeof openLibrary>
  const root = join(scratchDir(), 'handbook')
  beforeAll(async () => {
    database = await makeDatabase()
    library = openLibrary(database, { models: [model] })
    mkdirSync(join(root, 'deep/node_modules'), { recursive: true })
    mkdirSync(join(root, '.git'))
    writeFileSync(join(root, 'a.md'), '# A\n\nabout weirs')
    writeFileSync(join(root, 'deep/b.txt'), 'about locks')
    writeFileSync(join(root, 'deep/broken.json'), '{')
    writeFileSync(join(root, 'deep/node_modules/c.md'), 'not ours')
    writeFileSync(join(root, '.git/d.md'), 'hidden')
    writeFileSync(join(root, 'picture.png'), 'no document')
  })

  test('is taken in, then costs nothing while it does not change, then follows what changes', async () => {
    const collection = await library.ensureCollection('default', 'handbook', { embedding: 'words', kind: 'hnsw' })
    const sync = () => ingestTree(library, collection, { path: root, prune: true }, never)
    const first = await sync()
    expect(first).toMatchObject({ total: 3, added: 2, failed: 1, failures: [{ externalId: 'handbook/deep/broken.json' }] })
    model.embedded.length = 0
    expect(await sync()).toMatchObject({ unchanged: 2, failed: 1, added: 0, updated: 0 })
    expect(model.embedded).toEqual([])
    writeFileSync(join(root, 'a.md'), '# A\n\nabout sluices')
    rmSync(join(root, 'deep/b.txt'))
    expect(await sync()).toMatchObject({ updated: 1, deleted: 1, failed: 1 })
    expect((await find(library, collection, 'locks')).map((hit) => hit.externalId)).toEqual(['handbook/a.md'])
  })

  test('a single file, and a folder that is not there', async () => {
    const collection = await library.ensureCollection('default', 'single', { embedding: 'words', kind: 'hnsw' })
    expect(await ingestTree(library, collection, { path: join(root, 'a.md'), prune: false }, never)).toMatchObject({ total: 1, added: 1 })
    await expect(ingestTree(library, collection, { path: join(root, 'nowhere'), prune: false }, never)).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
