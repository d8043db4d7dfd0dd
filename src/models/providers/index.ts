import type { ChatModel } from '../chat-model.ts'
import type { Embedder } from '../embedder.ts'
import { anthropic } from './anthropic.ts'
import { type HostedModelOptions, openAiCompatible } from './openai-compatible.ts'
import { type HostedEmbedderOptions, openAiEmbeddings } from './openai-embeddings.ts'

type Provider = {
  chat(options: HostedModelOptions): ChatModel
  /** Absent: the host has no embeddings. */
  embedder?: (options: HostedEmbedderOptions) => Embedder
}

/** Every kind of hosted provider. The configuration's list of kinds is this one's keys. */
export const providers = {
  'openai-compatible': { chat: openAiCompatible, embedder: openAiEmbeddings },
  anthropic: { chat: anthropic },
} satisfies Record<string, Provider>

export type ProviderKind = keyof typeof providers
export const providerKinds = Object.keys(providers) as [ProviderKind, ...ProviderKind[]]

export const provider = (kind: ProviderKind): Provider => providers[kind]
