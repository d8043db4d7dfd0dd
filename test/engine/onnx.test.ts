import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { fileSpec, scratch, sharedModels } from '../support/local-models.ts'
import { writeTinyOnnx } from '../support/tiny-onnx.ts'

const engine = createOnnxEngine({ cacheDir: scratch(), log: () => undefined, threads: 1 })
afterAll(() => engine.close())

const { signal } = new AbortController()
const caller = { tenant: 'acme', requestId: 'test', signal }
const tiny = { id: 'tiny', dimensions: 8, maxTokens: 64, ...writeTinyOnnx() }
const embedder = engine.embedder(tiny)

const norm = (vector: Float32Array | undefined) => Math.hypot(...(vector ?? []))
const dot = (left: Float32Array | undefined, right: Float32Array | undefined) =>
  (left ?? new Float32Array()).reduce((sum, value, axis) => sum + value * (right?.[axis] ?? 0), 0)

describe('embeddings', () => {
  test('are unit vectors, in order, and count their tokens', async () => {
    const { vectors, tokens } = await embedder.embed({ texts: ['cat', 'dog policy', 'weather'], ...caller })
    expect(vectors.length).toBe(3)
    for (const vector of vectors) expect(norm(vector)).toBeCloseTo(1, 5)
    // Each text has a start and an end token.
    expect(tokens).toBe(3 + 4 + 3)
    const [again] = (await embedder.embed({ texts: ['dog policy'], ...caller })).vectors
    expect(dot(vectors[1], again)).toBeCloseTo(1, 5)
    expect(dot(vectors[0], vectors[2])).toBeLessThan(0.999)
  })

  test('do not depend on what is batched with them', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => 'cat dog refund '.repeat(1 + (index % 12)) + index)
    const small = engine.embedder({ ...tiny, id: 'small', batchTokens: 70 })
    const together = (await small.embed({ texts, ...caller })).vectors
    const concurrent = await Promise.all(texts.map((text) => embedder.embed({ texts: [text], ...caller })))
    for (const [index, { vectors }] of concurrent.entries()) expect(dot(together[index], vectors[0])).toBeCloseTo(1, 5)
  })

  test('of a text longer than the model reads are refused, never cut', async () => {
    await expect(embedder.embed({ texts: ['cat', 'cat '.repeat(63)], ...caller })).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input',
      message: 'text 1 has 65 tokens, and this model reads 64',
    })
    expect((await embedder.embed({ texts: ['cat '.repeat(62)], ...caller })).tokens).toBe(64)
  })

  test('keep leading dimensions only when the model was trained for it', async () => {
    await expect(embedder.embed({ texts: ['cat'], dimensions: 4, ...caller })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'dimensions',
    })
    const nested = engine.embedder({ ...tiny, id: 'nested', matryoshka: true })
    const [vector] = (await nested.embed({ texts: ['cat'], dimensions: 4, ...caller })).vectors
    expect(vector?.length).toBe(4)
    expect(norm(vector)).toBeCloseTo(1, 5)
  })

  test('get the prefix of their purpose, and the ruler counts it', async () => {
    const prefixed = engine.embedder({ ...tiny, id: 'prefixed', queryPrefix: 'cat ', passagePrefix: 'dog dog ' })
    expect((await prefixed.embed({ texts: ['refund'], purpose: 'query', ...caller })).tokens).toBe(4)
    expect((await prefixed.embed({ texts: ['refund'], purpose: 'passage', ...caller })).tokens).toBe(5)
    expect(await prefixed.countTokens(['refund', ''], signal)).toEqual([5, 4])
    expect(await embedder.countTokens(['cat '.repeat(100)], signal)).toEqual([102])
  })

  test('of no texts are none', async () => {
    expect(await embedder.embed({ texts: [], ...caller })).toEqual({ vectors: [], tokens: 0 })
  })

  test('stop when the caller goes, and are refused when the queue is full', async () => {
    const narrow = engine.embedder({ ...tiny, id: 'narrow', maxQueue: 2, batchTokens: 64 })
    await narrow.embed({ texts: ['cat'], ...caller })
    const controller = new AbortController()
    const many = Array.from({ length: 3_000 }, () => 'cat dog')
    const busy = [1, 2].map(() => narrow.embed({ texts: many, ...caller, signal: controller.signal }))
    const refused = narrow.embed({ texts: ['cat'], ...caller })
    await expect(refused).rejects.toMatchObject({ code: 'queue_full' })
    controller.abort()
    for (const request of busy) await expect(request).rejects.toMatchObject({ code: 'aborted' })
    await narrow.embed({ texts: ['cat'], ...caller })
  })
})

describe('classification', () => {
  const labels = ['calm', 'angry', 'glad']
  const spec = { id: 'moods', ...writeTinyOnnx({ labels }), labels }

  test('gives probabilities of every label, best first', async () => {
    const { results, tokens } = await engine.classifier(spec).classify({ texts: ['cat', 'weather policy'], signal })
    expect(tokens).toBe(7)
    for (const scores of results) {
      expect(scores.map(({ label }) => label).sort()).toEqual(labels.toSorted())
      expect(scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5)
      expect(scores.map(({ score }) => score)).toEqual(scores.map(({ score }) => score).sort((left, right) => right - left))
    }
  })

  test('with labels that are not the model’s is refused', async () => {
    const wrong = engine.classifier({ ...spec, id: 'wrong', labels: ['a', 'b', 'c'] })
    await expect(wrong.classify({ texts: ['cat'], signal })).rejects.toMatchObject({ code: 'engine_unavailable' })
  })
})

test('a reranker with one logit tells documents apart, each by itself', async () => {
  const reranker = engine.reranker({ id: 'ranker', ...writeTinyOnnx({ labels: ['LABEL_0'] }) })
  const documents = ['cat', 'refund policy', 'weather weather weather dog']
  const { scores } = await reranker.rerank({ query: 'refund', documents, signal })
  expect(new Set(scores.map((score) => score.toFixed(6))).size).toBe(3)
  for (const score of scores) expect(score > 0 && score < 1).toBe(true)
  const alone = await Promise.all(documents.map((document) => reranker.rerank({ query: 'refund', documents: [document], signal })))
  for (const [index, score] of scores.entries()) expect(alone[index]?.scores[0]).toBeCloseTo(score, 5)
})

describe('model files', () => {
  test('that changed are refused by name and hash, while other models go on', async () => {
    const changed = writeTinyOnnx()
    const path = join(changed.directory, 'onnx/model.onnx')
    const bytes = readFileSync(path)
    bytes[bytes.length - 200] = (bytes[bytes.length - 200] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(engine.embedder({ ...tiny, ...changed, id: 'changed' }).embed({ texts: ['cat'], ...caller })).rejects.toMatchObject({
      code: 'model_unverified',
      message: `model file ${path} has sha256 ${fileSpec(path).sha256}, expected ${changed.files[3]?.sha256}`,
    })
    await embedder.embed({ texts: ['cat'], ...caller })
  })

  test('that are read must all be listed', async () => {
    const { directory, files } = writeTinyOnnx()
    const unlisted = engine.embedder({ ...tiny, id: 'unlisted', directory, files: files.filter(({ path }) => path !== 'tokenizer.json') })
    await expect(unlisted.embed({ texts: ['cat'], ...caller })).rejects.toMatchObject({
      code: 'model_unverified',
      message: expect.stringContaining('tokenizer.json'),
    })
  })
})

test('kill -9: what is in flight ends as engine_unavailable, the next request is answered', async () => {
  const many = Array.from({ length: 5_000 }, (_, index) => `cat ${index}`)
  const busy = embedder.embed({ texts: many, ...caller })
  process.kill(engine.status().pid as number, 'SIGKILL')
  await expect(busy).rejects.toMatchObject({ code: 'engine_unavailable' })
  expect((await embedder.embed({ texts: ['cat'], ...caller })).vectors.length).toBe(1)
})

const distilled = join(sharedModels, 'm2v-bge-base-64d')
const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']

test.skipIf(!existsSync(distilled))('a trained embedder puts like near like (skipped without ../shared/models)', async () => {
  const files = names.map((path) => ({ ...fileSpec(join(distilled, path)), path }))
  const trained = engine.embedder({ id: 'trained', directory: distilled, files, dimensions: 64, maxTokens: 512 })
  const { vectors } = await trained.embed({ texts: ['a cat sat on the mat', 'the kitten is on the rug', 'stock markets fell'], ...caller })
  expect(dot(vectors[0], vectors[1])).toBeGreaterThan(dot(vectors[0], vectors[2]) + 0.2)
})
