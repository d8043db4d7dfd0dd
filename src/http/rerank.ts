import { Hono } from 'hono'
import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import type { Reranker } from '../models/reranker.ts'
import { readJson } from './body.ts'
import type { Env } from './context.ts'
import { parse } from './schemas/parse.ts'

export type RerankDeps = {
  /** By the name a client calls; undefined when there is none. */
  rerankerOf: (model: string) => Reranker | undefined
  maxBodyBytes?: number | undefined
}

const document = z.union([z.string(), z.strictObject({ text: z.string() })])

const rerankBody = z.strictObject({
  model: z.string().min(1),
  query: z.string().min(1),
  documents: z.array(document).min(1).max(1000),
  top_n: z.number().int().min(1).optional(),
  return_documents: z.boolean().default(false),
})

/** `POST /v1/rerank` in the shape of Cohere and Jina: results best first, scores in [0, 1]. */
export const rerankRoutes = ({ rerankerOf, maxBodyBytes = 4 << 20 }: RerankDeps): Hono<Env> =>
  new Hono<Env>().post('/', async (c) => {
    const body = parse(rerankBody, await readJson(c.req.raw, maxBodyBytes))
    const reranker = rerankerOf(body.model)
    if (reranker === undefined) throw new AppError('model_not_found', `there is no reranker '${body.model}'`, { param: 'model' })
    const documents = body.documents.map((item) => (typeof item === 'string' ? item : item.text))
    const { scores, tokens } = await reranker.rerank({ query: body.query, documents, signal: c.req.raw.signal })
    const results = scores
      .map((score, index) => ({
        index,
        relevance_score: score,
        ...(body.return_documents ? { document: { text: documents[index] } } : {}),
      }))
      .sort((left, right) => right.relevance_score - left.relevance_score || left.index - right.index)
    return c.json({
      id: c.get('requestId'),
      object: 'list',
      model: body.model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
      results: results.slice(0, body.top_n ?? results.length),
    })
  })
