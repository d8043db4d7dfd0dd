import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { WeirConfig } from '../config/schema.ts'
import { createLlamaEngine } from '../engine/llama/engine.ts'
import { createOnnxEngine } from '../engine/onnx/engine.ts'
import type { EngineLog } from '../engine/supervisor.ts'
import type { Logger } from '../telemetry/log.ts'
import { type Engines, ggufSpec, onnxSpec } from './models.ts'

/** The two children. They start with the first call, or with `warmUp`. */
export const createEngines = (stateDir: string, log: Logger): Engines => {
  const cacheDir = join(stateDir, 'engine')
  mkdirSync(cacheDir, { recursive: true })
  const engineLog: EngineLog = (level, message, details) => log[level](details ?? {}, message)
  return {
    llama: createLlamaEngine({ cacheDir, log: engineLog }),
    onnx: createOnnxEngine({ cacheDir, log: engineLog }),
  }
}

/**
 * Loads every local model that stays loaded, so that the first request does not wait for it. A model that is refused is logged, and the
 * rest of the server goes on: requests to it fail with the same reason.
 */
export const warmUp = async (config: WeirConfig, engines: Engines, log: Logger, signal: AbortSignal): Promise<void> => {
  const loads = Object.entries(config.models).map(async ([id, model]) => {
    if (!('path' in model) || model.idle_unload_ms) return
    try {
      if (model.kind === 'llm') await engines.llama.load(ggufSpec(id, model), signal)
      else await engines.onnx.load(onnxSpec(id, model), tasks[model.kind], signal)
    } catch (error) {
      if (!signal.aborted) log.error({ model: id, err: error }, 'a model was not loaded')
    }
  })
  await Promise.all(loads)
}

const tasks = { embedding: 'embedding', classifier: 'classification', reranker: 'rerank' } as const
