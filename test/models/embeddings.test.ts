import { describe, expect, test } from 'vitest'
import type { EmbedRequest } from '../../src/models/embedder.ts'
import { attempts } from '../../src/models/embedder-attempts.ts'
import { openAiEmbeddings } from '../../src/models/providers/openai-embeddings.ts'
import { type Script, stallsBeforeHeaders, startFaultyUpstream, status } from '../support/faulty-upstream.ts'
import { startMockOpenAI } from '../support/mock-openai.ts'

const requestOf = (texts: string[], changes: Partial<EmbedRequest> = {}): EmbedRequest => ({
  texts,
  tenant: 'test',
  requestId: 'r',
  signal: new AbortController().signal,
  ...changes,
})
const embedderAt = (baseUrl: string, dimensions = 8) =>
  openAiEmbeddings({ id: 'embed', baseUrl, model: 'theirs', apiKey: 'k', dimensions, maxTokens: 100 })
const answers =
  (data: object[], rest: object = {}): Script =>
  ({ json }) =>
    json({ data, ...rest })
const quick = { attempts: 2, baseMs: 1, maxMs: 5, timeoutMs: 2000 }

describe('a hosted embedder', () => {
  test('gives unit vectors in order, batch by batch, and counts their tokens', async () => {
    await using mock = startMockOpenAI({ dimensions: 8 })
    const texts = Array.from({ length: 300 }, (_, index) => `text number ${index}`)
    const { vectors, tokens } = await embedderAt(mock.url).embed(requestOf(texts))
    expect(vectors).toHaveLength(300)
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
    const [alone] = (await embedderAt(mock.url).embed(requestOf(['text number 299']))).vectors
    expect(vectors[299]).toEqual(alone)
    expect(tokens).toBe(900)
    expect(mock.requests.map((request) => (request.body.input as string[]).length)).toEqual([256, 44, 1])
  })
  test('asks for fewer dimensions only when the caller does', async () => {
    await using mock = startMockOpenAI({ dimensions: 8 })
    const { vectors } = await embedderAt(mock.url).embed(requestOf(['a'], { dimensions: 4 }))
    expect(vectors[0]).toHaveLength(4)
    await embedderAt(mock.url).embed(requestOf(['a']))
    expect(mock.requests.map((request) => request.body.dimensions)).toEqual([4, undefined])
  })
  test('reads plain numbers out of order, and normalises them', async () => {
    await using upstream = await startFaultyUpstream(
      answers([
        { index: 1, embedding: [0, 5] },
        { index: 0, embedding: [3, 4] },
      ]),
    )
    const { vectors, tokens } = await embedderAt(upstream.url, 2).embed(requestOf(['four', 'five']))
    expect(vectors.map((vector) => [...vector].map((value) => value.toFixed(1)))).toEqual([
      ['0.6', '0.8'],
      ['0.0', '1.0'],
    ])
    expect(tokens).toBe(6)
  })
  for (const [title, data] of [
    ['misses one', [{ index: 0, embedding: [1, 0] }]],
    [
      'has another size',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [1] },
      ],
    ],
    [
      'is no vector',
      [
        { index: 0, embedding: [1, 0] },
        { index: 1, embedding: [null, 'x'] },
      ],
    ],
  ] as const) {
    test(`fails when the answer ${title}`, async () => {
      await using upstream = await startFaultyUpstream(answers([...data]))
      await expect(embedderAt(upstream.url, 2).embed(requestOf(['a', 'b']))).rejects.toMatchObject({ code: 'upstream_failed' })
    })
  }
  test("passes on the host's refusal of a long text", async () => {
    await using upstream = await startFaultyUpstream(
      status(400, { body: { error: { message: "This model's maximum context length is 8" } } }),
    )
    await expect(embedderAt(upstream.url).embed(requestOf(['a']))).rejects.toMatchObject({ code: 'context_length_exceeded' })
  })
})

describe('attempts', () => {
  test('repeat what fails in passing', async () => {
    await using upstream = await startFaultyUpstream(status(503), answers([{ embedding: [1, 0] }]))
    expect((await attempts(quick)(embedderAt(upstream.url, 2)).embed(requestOf(['a']))).vectors).toHaveLength(1)
  })
  test('are not made again for a refusal', async () => {
    await using upstream = await startFaultyUpstream(status(401))
    await expect(attempts(quick)(embedderAt(upstream.url)).embed(requestOf(['a']))).rejects.toMatchObject({ code: 'upstream_rejected' })
    expect(upstream.requests).toHaveLength(1)
  })
  test('end at their timeout, and at once when the caller leaves', async () => {
    await using upstream = await startFaultyUpstream(stallsBeforeHeaders)
    const embedder = attempts({ ...quick, timeoutMs: 40 })(embedderAt(upstream.url))
    await expect(embedder.embed(requestOf(['a']))).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('40 ms') })
    expect(upstream.requests).toHaveLength(2)
    await expect(embedder.embed(requestOf(['a'], { signal: AbortSignal.timeout(10) }))).rejects.toMatchObject({ code: 'aborted' })
  })
})
