import { z } from 'zod'
import { attributeFilter } from '../retrieval/attribute-filter.ts'
import { pageQuery } from './files-page.ts'

/** What clients of `/v1/vector_stores` may send. Strict: a parameter that would do nothing is refused by name. */
const metadata = z.record(z.string().max(64), z.string().max(512)).refine((value) => Object.keys(value).length <= 16, 'at most 16 keys')

const attributes = z
  .record(z.string().max(64), z.union([z.string().max(512), z.number(), z.boolean()]))
  .refine((value) => Object.keys(value).length <= 16, 'at most 16 keys')

const expiresAfter = z.strictObject({ anchor: z.literal('last_active_at'), days: z.number().int().min(1).max(365) })

const chunkingStrategy = z.union([
  z.strictObject({ type: z.literal('auto') }),
  z.strictObject({
    type: z.literal('static'),
    static: z.strictObject({
      max_chunk_size_tokens: z.number().int().min(100).max(4096),
      chunk_overlap_tokens: z.literal(0, 'chunks do not overlap here; neighbours are joined when they are retrieved: send 0'),
    }),
  }),
])

const fileId = z.string().min(1)

export const createStoreBody = z.strictObject({
  name: z.string().max(256).nullish(),
  description: z.string().max(512).nullish(),
  metadata: metadata.nullish(),
  expires_after: expiresAfter.nullish(),
  file_ids: z.array(fileId).max(500).nullish(),
  chunking_strategy: chunkingStrategy.nullish(),
})

export const updateStoreBody = z.strictObject({
  name: z.string().max(256).nullish(),
  metadata: metadata.nullish(),
  expires_after: expiresAfter.nullish(),
})

export const listStoresQuery = z.strictObject(pageQuery(20, 100))

export const searchBody = z.strictObject({
  query: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(8)]),
  filters: attributeFilter.nullish(),
  max_num_results: z.number().int().min(1).max(50).default(10),
  ranking_options: z
    .strictObject({
      /** A reranker runs when it is named: it has to earn its place on your own data first. */
      ranker: z.string().optional(),
      score_threshold: z.number().min(0).max(1).optional(),
      hybrid_search: z.strictObject({ embedding_weight: z.number().min(0), text_weight: z.number().min(0) }).optional(),
    })
    .nullish(),
  rewrite_query: z.literal(false, 'queries are searched as they are').nullish(),
})

export const attachBody = z.strictObject({
  file_id: fileId,
  attributes: attributes.nullish(),
  chunking_strategy: z.strictObject({ type: z.literal('auto') }, 'set it when creating the store: it holds for all its files').nullish(),
})

export const attributesBody = z.strictObject({ attributes: attributes.nullable() })

export const batchBody = z
  .strictObject({
    file_ids: z.array(fileId).min(1).max(2000).optional(),
    files: z.array(attachBody).min(1).max(2000).optional(),
    attributes: attributes.nullish(),
    chunking_strategy: attachBody.shape.chunking_strategy,
  })
  .refine((body) => (body.file_ids === undefined) !== (body.files === undefined), {
    message: 'send either file_ids or files',
    path: ['file_ids'],
  })

export const listFilesQuery = z.strictObject({
  ...pageQuery(20, 100),
  filter: z.enum(['in_progress', 'completed', 'failed', 'cancelled']).optional(),
})
