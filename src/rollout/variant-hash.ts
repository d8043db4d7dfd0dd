import { hashOf } from '../lib/hash.ts'
import type { Sampling } from '../models/chat-model.ts'

/** Everything that decides how a variant answers. Absent parts are null, so that adding one always changes the hash. */
export type VariantParts = {
  /** Hash of the prompt version with every partial it includes. */
  promptClosure: string | null
  /** Hash of the model's manifest: files by sha256 for a local model, provider, host and model id for a hosted one. */
  modelManifest: string
  parameters: Sampling
  /** Hash of the retrieval configuration. */
  retrieval: string | null
  /** Version key of the index that retrieval reads. */
  indexVersion: string | null
}

/** The identity of a variant, 64 hex digits: on every trace, cache entry, evaluation run and cost row. This is the only place that makes it. */
export const variantHash = (parts: VariantParts): string => hashOf(parts)
