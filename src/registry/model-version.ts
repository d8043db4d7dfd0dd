import { hashOf } from '../lib/hash.ts'
import type { GgufFacts } from './gguf.ts'
import { type ArtifactFile, manifestHash } from './manifest.ts'

/** `adapter`: a LoRA over a base model. `hosted`: files stay with the host; the version names provider and model. */
export const modelKinds = ['llm', 'embedding', 'classifier', 'reranker', 'hosted', 'adapter'] as const
export type ModelKind = (typeof modelKinds)[number]

export const modelFormats = ['gguf', 'onnx', 'hosted', 'other'] as const
export type ModelFormat = (typeof modelFormats)[number]

/** What a version is, beside its bytes. `null`: not known. */
export type ModelFacts = {
  gguf: GgufFacts | null
  /** Template and tokenizer change behaviour with the same weights, so each has a hash of its own. */
  chatTemplateSha256: string | null
  tokenizerSha256: string | null
  /** Versions of what runs it, such as `{ "node-llama-cpp": "3.22.1" }`. */
  runtime: Record<string, string>
  baseModel: string | null
  licence: string | null
  /** Where the files came from, and at which commit. */
  source: string | null
  revision: string | null
  /** As given by whoever trained or measured it. */
  trainingData: unknown
  hyperparameters: unknown
  metrics: unknown
  embedding: { dimensions: number; pooling: string; queryPrefix: string; passagePrefix: string } | null
  hosted: { provider: string; model: string } | null
}

export const noFacts: ModelFacts = {
  gguf: null,
  chatTemplateSha256: null,
  tokenizerSha256: null,
  runtime: {},
  baseModel: null,
  licence: null,
  source: null,
  revision: null,
  trainingData: null,
  hyperparameters: null,
  metrics: null,
  embedding: null,
  hosted: null,
}

/** Immutable once it has a number. */
export type ModelDescription = { kind: ModelKind; format: ModelFormat; manifest: ArtifactFile[]; facts: ModelFacts; card: string | null }

/** Identity of what the model computes: its files, or for a hosted model the provider and the name asked for. Goes into the variant hash. */
export const identityHash = ({ format, manifest, facts }: Pick<ModelDescription, 'format' | 'manifest' | 'facts'>): string =>
  format === 'hosted' ? hashOf({ format: 1, hosted: facts.hosted }) : manifestHash(manifest)

/** Two descriptions of one hash are one version. */
export const descriptionHash = (description: ModelDescription): string => hashOf({ layout: 1, ...description })
