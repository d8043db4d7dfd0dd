import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import S3rver from 's3rver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/lib/hash.ts'
import { checkOut } from '../../src/registry/artifacts/checkout.ts'
import { createLocalArtifacts } from '../../src/registry/artifacts/local.ts'
import { createS3Artifacts } from '../../src/registry/artifacts/s3.ts'
import { type ArtifactStore, blobKey } from '../../src/registry/artifacts/store.ts'

const root = mkdtempSync(join(tmpdir(), 'weir-artifacts-'))
let server: InstanceType<typeof S3rver>
let port = 0

beforeAll(async () => {
  server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: join(root, 'buckets'),
    configureBuckets: [{ name: 'models' }],
  })
  port = (await server.run()).port
})
afterAll(async () => {
  await server.close()
  rmSync(root, { recursive: true, force: true })
})

const fileOf = (name: string, content: Uint8Array) => {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return { path, blob: { sha256: sha256(content), size: content.length } }
}

type Kind = {
  name: string
  make: (name: string) => ArtifactStore
  tamper: (name: string, sha256: string, content: Uint8Array) => Promise<void>
}

const s3Options = (prefix: string) => ({
  bucket: 'models',
  endpoint: `http://127.0.0.1:${port}`,
  accessKeyId: 'S3RVER',
  secretAccessKey: 'S3RVER',
  region: 'us-east-1',
  prefix: `${prefix}/`,
})

const kinds: Kind[] = [
  {
    name: 'local folder',
    make: (name) => createLocalArtifacts(join(root, name)),
    tamper: async (name, hash, content) => writeFileSync(join(root, name, blobKey({ sha256: hash })), content),
  },
  {
    name: 'S3 bucket',
    make: (name) => createS3Artifacts({ ...s3Options(name), cacheFolder: join(root, `${name}-cache`) }),
    tamper: async (name, hash, content) => {
      const { prefix, ...options } = s3Options(name)
      await new Bun.S3Client(options).write(`${prefix}${blobKey({ sha256: hash })}`, content)
    },
  },
]

describe.each(kinds)('$name', ({ name: kind, make, tamper }) => {
  const nameOf = (test: string) => `${kind.replace(' ', '-')}-${test}`

  test('gives back what it took in, once', async () => {
    const store = make(nameOf('round'))
    const { path, blob } = fileOf('round', Buffer.alloc(100_000, 7))
    expect(await store.has(blob)).toBe(false)
    expect(await store.verify(blob)).toBe('missing')
    await store.put(path, blob)
    await store.put(path, blob)
    expect(await store.has(blob)).toBe(true)
    expect(await store.verify(blob)).toBe('ok')
    expect(sha256(readFileSync(await store.open(blob)))).toBe(blob.sha256)
  })

  test('takes files larger than a part', async () => {
    const store = make(nameOf('large'))
    const { path, blob } = fileOf('large', Buffer.alloc(20 * 1024 * 1024 + 3, 'weir'))
    await store.put(path, blob)
    expect(await store.verify(blob)).toBe('ok')
    expect(readFileSync(await store.open(blob)).length).toBe(blob.size)
  })

  test('refuses a file that is not what it is said to be', async () => {
    const store = make(nameOf('lie'))
    const { path, blob } = fileOf('lie', Buffer.from('one'))
    const claimed = { ...blob, sha256: sha256('two') }
    await expect(store.put(path, claimed)).rejects.toMatchObject({ code: 'model_unverified' })
    expect(await store.has(claimed)).toBe(false)
  })

  test('a changed file is refused, and the others are not concerned', async () => {
    const store = make(nameOf('tampered'))
    const bad = fileOf('bad', Buffer.from('weights'))
    const good = fileOf('good', Buffer.from('others'))
    await store.put(bad.path, bad.blob)
    await store.put(good.path, good.blob)
    await tamper(nameOf('tampered'), bad.blob.sha256, Buffer.from('wEights'))
    expect(await store.verify(bad.blob)).toBe('mismatch')
    await expect(store.open(bad.blob)).rejects.toMatchObject({ code: 'model_unverified' })
    expect(readFileSync(await store.open(good.blob), 'utf8')).toBe('others')
    await expect(store.open({ sha256: sha256('x'), size: 1 })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('lays a model out as a folder', async () => {
    const store = make(nameOf('checkout'))
    const config = fileOf('config', Buffer.from('{}'))
    const weights = fileOf('weights', Buffer.from('w'))
    await store.put(config.path, config.blob)
    await store.put(weights.path, weights.blob)
    const manifest = [
      { path: 'config.json', ...config.blob },
      { path: 'onnx/model.onnx', ...weights.blob },
    ]
    const folder = await checkOut(store, manifest, join(root, 'out', kind))
    expect(await checkOut(store, manifest, join(root, 'out', kind))).toBe(folder)
    expect(readFileSync(join(folder, 'onnx/model.onnx'), 'utf8')).toBe('w')
    await expect(checkOut(store, [{ path: '../x', ...config.blob }], root)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

test('a bucket that does not answer is unavailable, not a mismatch', async () => {
  const store = createS3Artifacts({ ...s3Options('none'), endpoint: 'http://127.0.0.1:9', cacheFolder: join(root, 'none') })
  await expect(store.open({ sha256: sha256('x'), size: 1 })).rejects.toMatchObject({ code: 'unavailable' })
})
