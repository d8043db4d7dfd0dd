import { z } from 'zod'
import * as field from './fields.ts'
import { weirExtras } from './weir.ts'

const text = z.string().min(1)

/** The body of `POST /v1/embeddings`. */
export const embeddingBody = z.strictObject({
  model: field.modelName,
  input: z.union([text, z.array(text).min(1).max(2048)], 'must be a string or an array of strings; token ids are not accepted'),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(65_536).nullish(),
  user: field.harmless.user,
  metadata: field.metadata,
  weir: weirExtras,
})
