import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../lib/errors.ts'
import type { Classifier, LabelScore } from '../../models/classifier.ts'
import type { Embedder } from '../../models/embedder.ts'
import type { Reranker } from '../../models/reranker.ts'
import { launchChild } from '../launch.ts'
import type { ClassifierSpec, EmbedderSpec, OnnxSpec } from '../model-spec.ts'
import { type EngineLog, Supervisor, type SupervisorStatus } from '../supervisor.ts'
import { type LoadSpec, type OnnxChildOptions, type OnnxChildStatus, type OnnxTask, optionsVariable, type Rows } from './params.ts'
import { toUnit } from './pooling.ts'

export type OnnxEngineOptions = {
  /** A writable directory for the translated child and for remembered file hashes. */
  cacheDir: string
  log: EngineLog
  runtime?: 'auto' | 'node' | 'bun' | undefined
  /** Threads that compute one batch; half the hardware threads when absent. */
  threads?: number | undefined
  drainMs?: number | undefined
}

export type OnnxEngineStatus = Omit<SupervisorStatus, 'child'> & { child: OnnxChildStatus | null }

/** The supervised process that hosts ONNX models. */
export type OnnxEngine = {
  start(): Promise<void>
  close(): Promise<void>
  status(): OnnxEngineStatus
  embedder(spec: EmbedderSpec): Embedder
  classifier(spec: ClassifierSpec): Classifier
  reranker(spec: OnnxSpec): Reranker
  /** Verifies and loads a model ahead of its first request; throws `model_unverified` or `engine_unavailable`. */
  load(spec: OnnxSpec, task: OnnxTask, signal: AbortSignal): Promise<void>
}

export const createOnnxEngine = (options: OnnxEngineOptions): OnnxEngine => {
  const childOptions: OnnxChildOptions = { verifyCacheFile: join(options.cacheDir, 'verified-onnx.json') }
  const supervisor = new Supervisor({
    name: 'onnx',
    log: options.log,
    ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    launch: () =>
      launchChild({
        entry: join(import.meta.dirname, 'child.ts'),
        runtime: options.runtime ?? 'auto',
        cacheDir: options.cacheDir,
        env: { [optionsVariable]: JSON.stringify(childOptions) },
      }),
  })
  const resolve = (spec: OnnxSpec & { pooling?: 'mean' | 'cls' | undefined }, task: OnnxTask): LoadSpec => ({
    id: spec.id,
    directory: spec.directory,
    files: spec.files,
    maxTokens: spec.maxTokens,
    task,
    threads: options.threads ?? Math.max(1, Math.floor(availableParallelism() / 2)),
    dtype: spec.dtype ?? 'fp32',
    batchTokens: spec.batchTokens ?? 8_192,
    maxQueue: spec.maxQueue ?? 256,
    idleUnloadMs: spec.idleUnloadMs ?? 0,
    pooling: spec.pooling ?? 'mean',
  })

  return {
    start: () => supervisor.start(),
    close: () => supervisor.close(),
    status: () => ({ ...supervisor.status(), child: supervisor.status().child as OnnxChildStatus | null }),
    embedder: (spec) => createEmbedder(supervisor, spec, resolve(spec, 'embedding')),
    classifier: (spec) => createClassifier(supervisor, spec, resolve(spec, 'classification')),
    reranker: (spec) => createReranker(supervisor, resolve(spec, 'rerank')),
    load: async (spec, task, signal) => {
      await supervisor.call('load', { model: resolve(spec, task) }, { signal })
    },
  }
}

const createEmbedder = (supervisor: Supervisor, spec: EmbedderSpec, model: LoadSpec): Embedder => ({
  id: spec.id,
  dimensions: spec.dimensions,
  maxTokens: spec.maxTokens ?? 512,
  async embed({ texts, dimensions = spec.dimensions, purpose, signal }) {
    if (dimensions > spec.dimensions || (dimensions !== spec.dimensions && !spec.matryoshka)) {
      throw new AppError('unsupported_parameter', `model '${spec.id}' gives ${spec.dimensions} dimensions and no other number`, {
        param: 'dimensions',
      })
    }
    const prefix = (purpose === 'query' ? spec.queryPrefix : spec.passagePrefix) ?? ''
    const { value, binary } = await supervisor.call('embed', { model, texts: texts.map((text) => prefix + text) }, { signal })
    const { columns, tokens } = value as Rows
    if (texts.length > 0 && columns !== spec.dimensions) {
      throw new AppError('engine_unavailable', `model '${spec.id}' is configured with ${spec.dimensions} dimensions but has ${columns}`)
    }
    const flat = new Float32Array(binary.buffer, binary.byteOffset, binary.byteLength / 4)
    const vectors = texts.map((_, index) => {
      const vector = flat.slice(index * columns, index * columns + dimensions)
      return dimensions === columns ? vector : toUnit(vector)
    })
    return { vectors, tokens }
  },
  /** The prefix of a passage counts too: a chunk that fits by this ruler fits when it is embedded. */
  async countTokens(texts, signal) {
    const prefix = spec.passagePrefix ?? ''
    const { value } = await supervisor.call('count', { model, texts: texts.map((text) => prefix + text) }, { signal })
    return value as number[]
  },
})

const createClassifier = (supervisor: Supervisor, spec: ClassifierSpec, model: LoadSpec): Classifier => ({
  id: spec.id,
  labels: spec.labels,
  async classify({ texts, signal }) {
    const { value } = await supervisor.call('classify', { model, texts }, { signal })
    const { scores, labels, tokens } = value as { scores: number[][]; labels: string[]; tokens: number }
    if (labels.join('\n') !== spec.labels.join('\n')) {
      throw new AppError(
        'engine_unavailable',
        `classifier '${spec.id}' is configured with labels ${spec.labels.join(', ')} but has ${labels.join(', ')}`,
      )
    }
    const results = scores.map((row) =>
      row
        .map((score, index): LabelScore => ({ label: spec.labels[index] ?? String(index), score }))
        .sort((left, right) => right.score - left.score),
    )
    return { results, tokens }
  },
})

const createReranker = (supervisor: Supervisor, model: LoadSpec): Reranker => ({
  id: model.id,
  async rerank({ query, documents, signal }) {
    const { value } = await supervisor.call('rerank', { model, query, documents }, { signal })
    return value as { scores: number[]; tokens: number }
  },
})
