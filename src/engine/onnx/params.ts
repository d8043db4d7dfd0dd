import type { OnnxSpec } from '../model-spec.ts'

export type OnnxTask = 'embedding' | 'classification' | 'rerank'

/** A model as the child loads it: every size decided. */
export type LoadSpec = OnnxSpec & {
  task: OnnxTask
  threads: number
  dtype: 'fp32' | 'fp16' | 'q8'
  batchTokens: number
  maxQueue: number
  idleUnloadMs: number
  pooling: 'mean' | 'cls'
}

export type TextsParams = { model: LoadSpec; texts: string[] }
export type RerankParams = { model: LoadSpec; query: string; documents: string[] }

/** Rows of `columns` float32 each; the numbers travel as the binary part. */
export type Rows = { columns: number; tokens: number }

export type OnnxChildOptions = { verifyCacheFile: string }
export const optionsVariable = 'WEIR_ENGINE_OPTIONS'

export type OnnxChildStatus = {
  /** Bytes of resident memory. */
  rss: number
  models: { id: string; state: 'loading' | 'loaded'; running: number; waiting: number }[]
}
