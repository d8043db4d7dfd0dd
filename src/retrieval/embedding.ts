import { AppError } from '../lib/errors.ts'
import type { Embedder } from '../models/embedder.ts'
import { unitVector } from './index/unit-vector.ts'

/** An embedder, and the hash of everything that decides what its vectors mean: model file, pooling, prefixes, dimensions. Vectors of two versions are never compared. */
export type EmbeddingModel = { embedder: Embedder; version: string }

/** The configured embedding models, as of now. */
export type EmbeddingModels = () => readonly EmbeddingModel[]

/** The model that made an index's vectors. Throws `unavailable` when the configuration no longer has it: another one would answer nonsense. */
export const modelOfVersion = (models: EmbeddingModels, version: string, name: string): EmbeddingModel => {
  const found = models().find((model) => model.version === version)
  if (found !== undefined) return found
  throw new AppError(
    'unavailable',
    `the embedding model '${name}' that made this index is not configured as it was: restore it, or change the collection's model`,
  )
}

export const modelNamed = (models: EmbeddingModels, name: string): EmbeddingModel => {
  const found = models().find(({ embedder }) => embedder.id === name)
  if (found !== undefined) return found
  throw new AppError('model_not_found', `there is no embedding model '${name}'`, { param: 'embedding' })
}

/** One unit vector per text, in batches small enough to let other requests in between. Throws `invalid_request` for a vector that cannot be indexed. */
export const embedPassages = async (model: EmbeddingModel, texts: string[], tenant: string, requestId: string, signal: AbortSignal) => {
  const vectors: Float32Array[] = []
  for (let at = 0; at < texts.length; at += batchSize) {
    const batch = texts.slice(at, at + batchSize)
    const made = await model.embedder.embed({ texts: batch, purpose: 'passage', tenant, requestId, signal })
    vectors.push(...made.vectors.map((vector) => unitVector(vector, model.embedder.dimensions)))
  }
  if (vectors.length !== texts.length)
    throw new AppError('upstream_failed', `the embedding model gave ${vectors.length} vectors for ${texts.length} texts`)
  return vectors
}

const batchSize = 32
