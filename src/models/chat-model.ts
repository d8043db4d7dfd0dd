/**
 * The port every chat model stands behind: local GGUF, OpenAI-compatible hosts, Anthropic, and every wrapper around them.
 *
 * The stream contract. A stream yields any number of deltas, then exactly one `finish` per choice, then at most one `usage`, and returns.
 * It throws an AppError instead of ending early: a stream that returned without every `finish` never happened. After the caller's
 * signal aborts it throws `aborted` (or returns at once) and the work behind it stops.
 */
export type ChatModel = {
  /** Unique among configured models; goes into traces and metrics. */
  readonly id: string
  /** Checked before any work, so that what a model cannot do is a 400 naming the parameter. */
  readonly capabilities: ChatCapabilities
  stream(request: ChatRequest): AsyncIterable<ChatEvent>
}

export type ChatCapabilities = {
  /** Tokens of prompt and answer together; `undefined` when the host does not tell. */
  contextTokens: number | undefined
  tools: boolean
  jsonSchema: boolean
  jsonObject: boolean
  /** Answers that are one of given texts. */
  oneOf: boolean
  logprobs: boolean
  /** Largest `n`. */
  choices: number
  seed: boolean
  penalties: boolean
  logitBias: boolean
  images: boolean
  /** Raw text completion (`/v1/completions`), and what it can do. */
  completion: false | { echo: boolean; suffix: boolean }
}

export type ChatRequest = {
  /** What to continue: a conversation, or raw text for `/v1/completions`. */
  input:
    | { kind: 'chat'; messages: ChatMessage[] }
    | { kind: 'text'; prompt: string; suffix?: string | undefined; echo?: boolean | undefined }
  sampling: Sampling
  tools?: Tool[] | undefined
  toolChoice?: ToolChoice | undefined
  parallelToolCalls?: boolean | undefined
  responseFormat?: ResponseFormat | undefined
  /** Choices to generate; 1 when absent. */
  n?: number | undefined
  /** When false an adapter may fetch the whole answer at once and yield it as one delta per choice. */
  incremental: boolean
  /** Isolation boundary: nothing (KV cache, prefix, cache entry) is shared across tenants. */
  tenant: string
  /** Passed to hosts as `user`. */
  user?: string | undefined
  requestId: string
  /** What a cache may do with this request; a cache decides by its own settings when absent. */
  cache?: CachePolicy | undefined
  signal: AbortSignal
  /** Adapters and wrappers report facts for the trace here; keeps the event stream free of bookkeeping. */
  observe?: ((observation: Observation) => void) | undefined
}

/**
 * `read_only` serves stored answers and stores none; `write_only` the reverse; without a mode the route decides. Entries of one
 * `namespace` are not seen from another.
 */
export type CachePolicy = {
  mode?: 'on' | 'off' | 'read_only' | 'write_only' | undefined
  maxAgeS?: number | undefined
  namespace?: string | undefined
  /** False: only answers to the very same request. */
  semantic?: false | undefined
}

export type Observation =
  | { type: 'queued'; ms: number }
  | { type: 'upstream'; ms: number }
  /** An adapter opens a connection that may hang, and has it: what a connect timeout measures. Silent when one is at hand. */
  | { type: 'connecting' }
  | { type: 'connected' }
  | { type: 'attempt'; modelId: string; attempt: number }
  | { type: 'fell-back'; from: string; to: string; code: string }
  /** A doubtful answer was thrown away after `upstreamMs`; `costUsd` is null when its price is unknown. */
  | { type: 'escalated'; from: string; to: string; reason: string; costUsd: number | null; upstreamMs: number }
  | { type: 'served-by'; modelId: string; upstreamModel: string | undefined }
  /** `ageS`: seconds since the answer was stored. `similarity`: of the question that it answered, when that was another. */
  | { type: 'cache'; status: 'hit' | 'miss' | 'stale' | 'bypass'; ageS?: number | undefined; similarity?: number | undefined }

export type Sampling = {
  maxTokens?: number | undefined
  temperature?: number | undefined
  topP?: number | undefined
  seed?: number | undefined
  stop?: string[] | undefined
  frequencyPenalty?: number | undefined
  presencePenalty?: number | undefined
  logitBias?: Record<string, number> | undefined
  /** Number of alternatives reported per token; `undefined` for no logprobs, 0 for the chosen token alone. */
  topLogprobs?: number | undefined
}

export type ChatMessage =
  | { role: 'system'; content: string }
  | { role: 'developer'; content: string }
  | { role: 'user'; content: string | ContentPart[]; name?: string | undefined }
  | { role: 'assistant'; content: string | null; toolCalls?: ToolCall[] | undefined }
  | { role: 'tool'; content: string; toolCallId: string }

export type ContentPart = { type: 'text'; text: string } | { type: 'image'; url: string; detail?: string | undefined }

export type Tool = { name: string; description?: string | undefined; parameters?: JsonSchema | undefined; strict?: boolean | undefined }
export type ToolCall = { id: string; name: string; arguments: string }
export type ToolChoice = 'none' | 'auto' | 'required' | { name: string }
export type JsonSchema = Record<string, unknown>
/**
 * The answer is one of these texts, to the letter. `priors`: how much each is preferred beforehand, in nats, for models that can be told; a
 * host is not.
 */
export type OneOf = { type: 'one-of'; texts: readonly string[]; priors?: readonly number[] | undefined }

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json-object' }
  | { type: 'json-schema'; name: string; description?: string | undefined; schema: JsonSchema; strict: boolean }
  | OneOf

export type ChatEvent =
  | { type: 'text-delta'; choice: number; text: string; logprobs?: TokenLogprob[] | undefined }
  | { type: 'reasoning-delta'; choice: number; text: string }
  | { type: 'refusal-delta'; choice: number; text: string }
  /** The first delta of a call carries `id` and `name`; all carry a piece of the arguments' JSON text. */
  | { type: 'tool-call-delta'; choice: number; index: number; id?: string | undefined; name?: string | undefined; arguments: string }
  | { type: 'finish'; choice: number; reason: FinishReason }
  | { type: 'usage'; usage: Usage }

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/** Tokens. `cachedTokens` are part of `promptTokens`; `reasoningTokens` are part of `completionTokens`. */
export type Usage = {
  promptTokens: number
  completionTokens: number
  cachedTokens: number
  reasoningTokens?: number | undefined
  /** True when the host sent none and the numbers are our own count. */
  estimated?: boolean | undefined
}

export type TokenLogprob = {
  token: string
  /** Natural logarithm of the token's probability, before temperature. */
  logprob: number
  bytes: number[]
  top: { token: string; logprob: number; bytes: number[] }[]
}
