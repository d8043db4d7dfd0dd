import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ChatModel } from '../../models/chat-model.ts'
import { launchChild } from '../launch.ts'
import type { GgufSpec } from '../model-spec.ts'
import { type EngineLog, Supervisor, type SupervisorStatus } from '../supervisor.ts'
import { createLocalChatModel } from './chat-model.ts'
import { type LlamaChildOptions, type LlamaChildStatus, type LoadSpec, optionsVariable } from './params.ts'

export type LlamaEngineOptions = {
  /** A writable directory for the translated child and for remembered file hashes. */
  cacheDir: string
  log: EngineLog
  /** See `launchChild`. */
  runtime?: 'auto' | 'node' | 'bun' | undefined
  gpu?: 'auto' | false | undefined
  /** Threads that compute, for all models together; half the hardware threads when absent. More than there are free cores collapse throughput. */
  threads?: number | undefined
  drainMs?: number | undefined
}

export type LlamaEngineStatus = Omit<SupervisorStatus, 'child'> & { child: LlamaChildStatus | null }

/** The supervised process that hosts GGUF models. */
export type LlamaEngine = {
  start(): Promise<void>
  close(): Promise<void>
  status(): LlamaEngineStatus
  chatModel(spec: GgufSpec): ChatModel
  /** Verifies and loads a model ahead of its first request; throws `model_unverified` or `engine_unavailable`. */
  load(spec: GgufSpec, signal: AbortSignal): Promise<{ contextTokens: number }>
}

export const createLlamaEngine = (options: LlamaEngineOptions): LlamaEngine => {
  const threads = options.threads ?? Math.max(1, Math.floor(availableParallelism() / 2))
  const childOptions: LlamaChildOptions = {
    gpu: options.gpu ?? 'auto',
    threads,
    verifyCacheFile: join(options.cacheDir, 'verified-gguf.json'),
  }
  const supervisor = new Supervisor({
    name: 'llama',
    log: options.log,
    ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    launch: () =>
      launchChild({
        entry: join(import.meta.dirname, 'child.ts'),
        runtime: options.runtime ?? 'auto',
        cacheDir: options.cacheDir,
        env: {
          [optionsVariable]: JSON.stringify(childOptions),
          // Read by Node alone: decoding and sampling that hop between its pool threads cost throughput.
          UV_THREADPOOL_SIZE: '1',
        },
      }),
  })
  const resolve = (spec: GgufSpec): LoadSpec => ({
    ...spec,
    contextTokens: spec.contextTokens ?? 4_096,
    sequences: spec.sequences ?? 4,
    threads: Math.min(spec.threads ?? threads, threads),
    batchTokens: spec.batchTokens ?? 512,
    maxQueue: spec.maxQueue ?? 64,
    idleUnloadMs: spec.idleUnloadMs ?? 0,
  })

  return {
    start: () => supervisor.start(),
    close: () => supervisor.close(),
    status: () => ({ ...supervisor.status(), child: supervisor.status().child as LlamaChildStatus | null }),
    chatModel: (spec) => createLocalChatModel(supervisor, resolve(spec)),
    load: async (spec, signal) => {
      const { value } = await supervisor.call('load', { model: resolve(spec) }, { signal })
      return value as { contextTokens: number }
    },
  }
}
