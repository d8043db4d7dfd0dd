import type { ModelConfig, ProviderConfig, WeirConfig } from '../config/schema.ts'
import type { LlamaEngine } from '../engine/llama/engine.ts'
import type { OnnxEngine } from '../engine/onnx/engine.ts'
import { hashOf } from '../lib/hash.ts'
import type { ChatCapabilities, ChatModel } from '../models/chat-model.ts'
import type { Classifier } from '../models/classifier.ts'
import type { Embedder } from '../models/embedder.ts'
import { provider } from '../models/providers/index.ts'
import type { Reranker } from '../models/reranker.ts'

export type Engines = { llama: LlamaEngine; onnx: OnnxEngine }

/** The models of one configuration, bare: what stands around them is a matter of routes. Balanced models are in `stacks.ts`. */
export type ModelSet = {
  chat: ReadonlyMap<string, ChatModel>
  embedders: ReadonlyMap<string, Embedder>
  classifiers: ReadonlyMap<string, Classifier>
  rerankers: ReadonlyMap<string, Reranker>
  /** Left out because the key of their provider is empty. */
  withoutKey: readonly string[]
}

export const createModels = (config: WeirConfig, engines: Engines): ModelSet => {
  const chat = new Map<string, ChatModel>()
  const embedders = new Map<string, Embedder>()
  const classifiers = new Map<string, Classifier>()
  const rerankers = new Map<string, Reranker>()
  const withoutKey: string[] = []
  for (const [id, model] of Object.entries(config.models)) {
    if ('deployments' in model) continue
    if ('provider' in model) {
      const host = config.providers[model.provider]
      if (!host || host.api_key === '') withoutKey.push(id)
      else if (model.kind === 'llm') chat.set(id, hostedChat(id, model, host))
      else embedders.set(id, hostedEmbedder(id, model, host))
      continue
    }
    switch (model.kind) {
      case 'llm':
        chat.set(id, engines.llama.chatModel(ggufSpec(id, model)))
        break
      case 'embedding':
        embedders.set(id, engines.onnx.embedder(embedderSpec(id, model)))
        break
      case 'classifier':
        classifiers.set(id, engines.onnx.classifier({ ...onnxSpec(id, model), labels: model.labels }))
        break
      case 'reranker':
        rerankers.set(id, engines.onnx.reranker(onnxSpec(id, model)))
    }
  }
  return { chat, embedders, classifiers, rerankers, withoutKey }
}

/** What makes a model itself: the files by hash, or the host and the name it knows. Where the files lie does not matter. */
export const manifestHash = (model: ModelConfig, config: WeirConfig): string => {
  if ('deployments' in model) {
    const members = model.deployments.map((deployment) => config.models[deployment.model])
    return hashOf(members.map((member) => member && manifestHash(member, config)))
  }
  if ('provider' in model) {
    const { kind, base_url } = config.providers[model.provider] ?? {}
    return hashOf({ provider: { kind, base_url }, model: model.model })
  }
  const { path: _path, max_queue: _maxQueue, idle_unload_ms: _idle, price: _price, ...identity } = model
  return hashOf(identity)
}

/** Where a configured model is hosted, and under which name; undefined for a local one. */
export const hostedAs = (config: WeirConfig, id: string): { provider: string; requested: string } | undefined => {
  const model = config.models[id]
  return model && 'provider' in model ? { provider: model.provider, requested: model.model } : undefined
}

type LocalLlm = Extract<ModelConfig, { kind: 'llm'; path: string }>
type LocalOnnx = Extract<ModelConfig, { files: unknown }>
type HostedLlm = Extract<ModelConfig, { kind: 'llm'; provider: string }>
type HostedEmbedding = Extract<ModelConfig, { kind: 'embedding'; provider: string }>

export const ggufSpec = (id: string, model: LocalLlm) => ({
  id,
  path: model.path,
  sha256: model.sha256,
  bytes: model.bytes,
  contextTokens: model.context_tokens,
  sequences: model.sequences,
  threads: model.threads,
  batchTokens: model.batch_tokens,
  maxQueue: model.max_queue,
  idleUnloadMs: model.idle_unload_ms,
  gpuLayers: model.gpu_layers,
  chatTemplate: model.chat_template,
})

export const onnxSpec = (id: string, model: LocalOnnx) => ({
  id,
  directory: model.path,
  files: Object.entries(model.files).map(([path, sha256]) => ({ path, sha256 })),
  dtype: model.dtype,
  maxTokens: model.max_tokens,
  batchTokens: model.batch_tokens,
  maxQueue: model.max_queue,
  idleUnloadMs: model.idle_unload_ms,
})

const embedderSpec = (id: string, model: Extract<LocalOnnx, { kind: 'embedding' }>) => ({
  ...onnxSpec(id, model),
  dimensions: model.dimensions,
  pooling: model.pooling,
  matryoshka: model.matryoshka,
  queryPrefix: model.query_prefix,
  passagePrefix: model.passage_prefix,
})

const hostedChat = (id: string, model: HostedLlm, host: ProviderConfig): ChatModel =>
  provider(host.kind).chat({
    id,
    baseUrl: host.base_url,
    apiKey: host.api_key,
    headers: host.headers,
    host: host.host,
    model: model.model,
    capabilities: capabilitiesOf(model),
  })

const capabilitiesOf = ({ context_tokens, capabilities = {} }: HostedLlm): Partial<ChatCapabilities> => {
  const { json_schema: jsonSchema, json_object: jsonObject, structured_outputs: oneOf, logit_bias: logitBias, ...same } = capabilities
  const named = { ...same, jsonSchema, jsonObject, oneOf, logitBias, contextTokens: context_tokens }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
}

const hostedEmbedder = (id: string, model: HostedEmbedding, host: ProviderConfig): Embedder => {
  const create = provider(host.kind).embedder
  if (!create) throw new Error(`provider kind ${host.kind} has no embeddings`) // refused by config/cross-check
  return create({
    id,
    baseUrl: host.base_url,
    apiKey: host.api_key,
    headers: host.headers,
    model: model.model,
    dimensions: model.dimensions,
    maxTokens: model.max_tokens,
  })
}
