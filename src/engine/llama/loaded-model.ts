import { LRUCache } from 'lru-cache'
import type { Llama, LlamaContext, LlamaGrammar, LlamaModel } from 'node-llama-cpp'
import { AppError } from '../../lib/errors.ts'
import { nativeContext } from './native.ts'
import type { LoadSpec } from './params.ts'
import { chatMl, createPromptRenderer, type PromptRenderer } from './prompt.ts'
import { BatchScheduler } from './scheduler.ts'
import type { ThreadBudget } from './thread-budget.ts'
import { readVocabulary, type Vocabulary } from './vocabulary.ts'

/** A verified GGUF model in memory with its context. */
export type LoadedModel = {
  llama: Llama
  model: LlamaModel
  vocabulary: Vocabulary
  renderer: PromptRenderer
  scheduler: BatchScheduler
  /** Prompt and answer together. */
  contextTokens: number
  grammar(gbnf: string): Promise<LlamaGrammar>
  /** Waits for running answers, then frees everything. */
  dispose(): Promise<void>
}

export const loadModel = async (llama: Llama, spec: LoadSpec, budget: ThreadBudget): Promise<LoadedModel> => {
  let model: LlamaModel | undefined
  let context: LlamaContext | undefined
  try {
    model = await llama.loadModel({ modelPath: spec.path, ...(spec.gpuLayers === undefined ? {} : { gpuLayers: spec.gpuLayers }) })
    const contextTokens = Math.min(spec.contextTokens, model.trainContextSize)
    context = await model.createContext({
      sequences: spec.sequences,
      contextSize: contextTokens,
      batchSize: spec.batchTokens,
      threads: spec.threads,
      // Shrinking the context without a word would break the promised length.
      failedCreationRemedy: false,
      // Sliding windows cannot be rewound to a common prefix.
      swaFullCache: true,
    })
    const vocabulary = readVocabulary(model)
    const template = spec.chatTemplate ?? model.fileInfo.metadata.tokenizer?.chat_template ?? chatMl
    const { batchSize } = context
    const scheduler = new BatchScheduler(nativeContext(context), {
      sequences: spec.sequences,
      contextTokens,
      batchTokens: batchSize,
      maxQueue: spec.maxQueue,
      decode: (work) => budget.use(spec.threads, work),
    })
    const grammars = new LRUCache<string, LlamaGrammar>({ max: 64 })
    const [loadedModel, loadedContext] = [model, context]
    return {
      llama,
      model,
      vocabulary,
      renderer: createPromptRenderer(template, vocabulary),
      scheduler,
      contextTokens,
      grammar: async (gbnf) => {
        const known = grammars.get(gbnf) ?? (await llama.createGrammar({ grammar: gbnf }))
        grammars.set(gbnf, known)
        return known
      },
      dispose: async () => {
        await scheduler.idle()
        await loadedContext.dispose()
        await loadedModel.dispose()
      },
    }
  } catch (cause) {
    await context?.dispose()
    await model?.dispose()
    throw new AppError('engine_unavailable', `model ${spec.id} cannot be loaded from ${spec.path}`, { cause })
  }
}
