import type { ChatEvent, ChatRequest, OneOf, Tool } from '../../models/chat-model.ts'
import type { GgufSpec } from '../model-spec.ts'

/** A model as the child loads it: every size decided. */
export type LoadSpec = GgufSpec & {
  [Size in 'contextTokens' | 'sequences' | 'threads' | 'batchTokens' | 'maxQueue' | 'idleUnloadMs']: number
}

/** One request to the llama child, already checked. */
export type ChatParams = {
  model: LoadSpec
  input: ChatRequest['input']
  sampling: ChatRequest['sampling']
  choices: number
  seed: number
  /** Constrains the answer. GBNF. */
  grammar: string | undefined
  oneOf: OneOf | undefined
  /** Shown to the model, and read back out of its answer. */
  tools: Tool[] | undefined
  incremental: boolean
  tenant: string
}

export type ChildChatEvent = ChatEvent | { type: 'queued'; ms: number }

/** Options of the child process as a whole, passed once in its environment. */
export type LlamaChildOptions = { gpu: 'auto' | false; threads: number; verifyCacheFile: string }
export const optionsVariable = 'WEIR_ENGINE_OPTIONS'

export type LlamaChildStatus = {
  /** Bytes of resident memory. */
  rss: number
  models: { id: string; state: 'loading' | 'loaded'; running: number; waiting: number; sequences: number }[]
}
