import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/lib/hash.ts'
import { createLocalArtifacts } from '../../src/registry/artifacts/local.ts'
import { chooseFiles, hubCommit, hubFiles, parseHubReference } from '../../src/registry/hub.ts'
import { planPull } from '../../src/registry/install.ts'
import { downloadFile } from '../../src/registry/pull.ts'
import { startHub } from './hub-server.ts'

const root = mkdtempSync(join(tmpdir(), 'weir-hub-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const signal = AbortSignal.timeout(20_000)
const weights = Buffer.alloc(300_000, 'weights')
const files = {
  'README.md': { content: Buffer.from('# Card'), lfs: false },
  'm-Q4_K_M.gguf': { content: weights, lfs: true },
  'm-Q8_0.gguf': { content: Buffer.alloc(10), lfs: true },
}

let stores = 0
const setUp = (endpoint: string, token?: string) => {
  stores += 1
  const store = createLocalArtifacts(join(root, `store-${stores}`))
  const seen: number[] = []
  const hub = { endpoint, token }
  const download = async (path: string, progress = (doneBytes: number) => void seen.push(doneBytes)) => {
    const { commit, files: chosen } = await planPull(hub, 'hf:o/m', [path], signal)
    const file = chosen.find((one) => one.path === path)
    if (file === undefined) throw new Error('not chosen')
    return downloadFile(file, { hub, repo: 'o/m', commit, store, progress: (update) => progress(update.doneBytes), signal, retryMs: 1 })
  }
  return { store, seen, hub, download }
}

describe('hub', () => {
  test('reads references', () => {
    expect(parseHubReference('hf:o/m-x.1:Q4_K_M@refs/pr/1')).toEqual({ repo: 'o/m-x.1', quantisation: 'Q4_K_M', revision: 'refs/pr/1' })
    expect(parseHubReference('hf:o/m')).toEqual({ repo: 'o/m', quantisation: undefined, revision: 'main' })
    for (const bad of ['o/m', 'hf:m', 'hf:../m', 'hf:o/m/x', 'hf:o/m:a b']) expect(() => parseHubReference(bad)).toThrow('is not hf:')
  })

  test('lists every page of files, with the token for itself alone', async () => {
    await using server = startHub('o/m', files, 'secret')
    const { hub, download } = setUp(server.url, 'secret')
    const commit = await hubCommit(hub, 'o/m', 'main', signal)
    expect((await hubFiles(hub, 'o/m', commit, signal)).map(({ path }) => path)).toEqual(['README.md', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf'])
    expect(await download('m-Q4_K_M.gguf')).toMatchObject({ sha256: sha256(weights) })
    await expect(hubCommit({ endpoint: server.url }, 'o/m', 'main', signal)).rejects.toMatchObject({ code: 'permission_denied' })
    await expect(hubCommit(hub, 'o/m', 'none', signal)).rejects.toMatchObject({ code: 'not_found' })
  })

  test.each([
    [
      'a quantisation with all its parts',
      'q4_k_m',
      ['a-Q4_K_M-00001-of-00002.gguf', 'a-Q4_K_M-00002-of-00002.gguf', 'a-IQ4_K_M.gguf', 'a-Q4_K.gguf'],
      2,
    ],
    ['the only weights', undefined, ['x/a.gguf', 'config.json'], 1],
    ['no such quantisation', 'Q2_K', ['a-Q4_0.gguf'], 'it has a-Q4_0.gguf'],
    ['several weights', undefined, ['a-Q4_0.gguf', 'a-Q8_0.gguf'], 'more than one set'],
    ['no weights', undefined, ['model.onnx'], 'name the files you want'],
  ])('chooses %s', (_what, quantisation, paths, expected) => {
    const found = paths.map((path) => ({ path, size: 1, sha256: undefined, gitSha1: '' }))
    if (typeof expected === 'number') expect(chooseFiles(found, quantisation, [])).toHaveLength(expected)
    else expect(() => chooseFiles(found, quantisation, [])).toThrow(expected)
  })
})

describe('downloads', () => {
  test('resume where they broke off', async () => {
    await using server = startHub('o/m', files)
    server.cuts.push(100_000, 50_000)
    const { store, download } = setUp(server.url)
    const artifact = await download('m-Q4_K_M.gguf')
    expect(readFileSync(await store.open(artifact)).equals(weights)).toBe(true)
    const ranges = server.requests
      .filter((line) => line.includes('m-Q4_K_M.gguf') && !line.includes('resolve'))
      .map((line) => line.split(' ')[2])
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-'])
  })

  test('go on in a later process with what an earlier one left', async () => {
    await using server = startHub('o/m', files)
    const { hub, store, download } = setUp(server.url)
    const { commit, files: chosen } = await planPull(hub, 'hf:o/m:Q4_K_M', [], signal)
    const stopped = new AbortController()
    const progress = ({ doneBytes }: { doneBytes: number }) => {
      if (doneBytes > 0) stopped.abort()
    }
    const [file] = chosen
    server.cuts.push(70_000)
    const attempt = file && downloadFile(file, { hub, repo: 'o/m', commit, store, progress, signal: stopped.signal, retryMs: 1 })
    await expect(attempt).rejects.toMatchObject({ name: 'AbortError' })
    expect(await download('m-Q4_K_M.gguf')).toMatchObject({ sha256: sha256(weights) })
    expect(server.requests.at(-1)).toMatch(/bytes=[1-9]\d*-$/)
  })

  test('start again when the host ignores ranges, and ask for nothing that is there', async () => {
    await using server = startHub('o/m', files)
    server.cuts.push(100_000)
    server.ignoreRange = true
    const { seen, download } = setUp(server.url)
    expect(await download('m-Q4_K_M.gguf')).toMatchObject({ sha256: sha256(weights) })
    expect(seen.at(-1)).toBe(weights.length)
    const before = server.requests.filter((line) => line.includes('resolve')).length
    await download('m-Q4_K_M.gguf')
    expect(server.requests.filter((line) => line.includes('resolve'))).toHaveLength(before)
  })

  test('of one file at once fetch it once', async () => {
    await using server = startHub('o/m', files)
    const { download } = setUp(server.url)
    const artifacts = await Promise.all([download('m-Q4_K_M.gguf'), download('m-Q4_K_M.gguf')])
    expect(artifacts.map((artifact) => artifact.sha256)).toEqual([sha256(weights), sha256(weights)])
    expect(server.requests.filter((line) => line.includes('resolve') && line.includes('Q4_K_M'))).toHaveLength(1)
  })

  test('of other content are refused and leave nothing behind', async () => {
    await using server = startHub('o/m', files)
    server.corrupt.set('m-Q4_K_M.gguf', Buffer.alloc(weights.length, 'evil'))
    server.corrupt.set('README.md', Buffer.from('# Lies'))
    const { store, download } = setUp(server.url)
    await expect(download('m-Q4_K_M.gguf')).rejects.toMatchObject({ code: 'model_unverified' })
    await expect(download('README.md')).rejects.toMatchObject({ code: 'model_unverified' })
    expect(await store.has({ sha256: sha256(weights), size: weights.length })).toBe(false)
    server.corrupt.clear()
    expect(await download('m-Q4_K_M.gguf')).toMatchObject({ sha256: sha256(weights) })
    server.corrupt.set('m-Q8_0.gguf', Buffer.alloc(5000))
    await expect(download('m-Q8_0.gguf')).rejects.toThrow('longer than the hub says')
  })
})
