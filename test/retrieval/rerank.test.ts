import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { errorResponse } from '../../src/http/errors.ts'
import { rerankRoutes } from '../../src/http/rerank.ts'
import type { Reranker } from '../../src/models/reranker.ts'

const byLength: Reranker = {
  id: 'by-length',
  rerank: async ({ documents }) => ({ scores: documents.map(({ length }) => Math.min(1, length / 10)), tokens: 7 }),
}

describe('/v1/rerank', () => {
  const app = new Hono().route('/v1/rerank', rerankRoutes({ rerankerOf: (model) => (model === byLength.id ? byLength : undefined) }))
  app.onError((error) => errorResponse(error, 'r'))
  const post = async (body: object) => {
    const response = await app.request('/v1/rerank', { method: 'POST', body: JSON.stringify({ model: 'by-length', query: 'q', ...body }) })
    return { status: response.status, body: (await response.json()) as { [key: string]: unknown } }
  }

  test('best first, in the shape of Cohere and Jina, cut to top_n', async () => {
    const { status, body } = await post({ documents: ['aa', { text: 'aaaa' }, 'aaa'], top_n: 2, return_documents: true })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      model: 'by-length',
      usage: { total_tokens: 7 },
      results: [
        { index: 1, relevance_score: 0.4, document: { text: 'aaaa' } },
        { index: 2, relevance_score: 0.3, document: { text: 'aaa' } },
      ],
    })
    expect(body.results).toHaveLength(2)
  })

  test.each([
    [{ model: 'none', documents: ['a'] }, 404, 'model'],
    [{ documents: [] }, 400, 'documents'],
    [{ documents: ['a'], top_n: 0 }, 400, 'top_n'],
    [{ documents: ['a'], max_chunks_per_doc: 3 }, 400, 'max_chunks_per_doc'],
  ])('%j is refused with its parameter', async (body, status, param) => {
    expect(await post(body)).toMatchObject({ status, body: { error: { param } } })
  })
})
