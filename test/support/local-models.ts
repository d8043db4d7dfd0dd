import { existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { GgufSpec } from '../../src/engine/model-spec.ts'
import { sha256 } from '../../src/lib/hash.ts'
import type { ChatEvent, ChatModel, ChatRequest, TokenLogprob, Usage } from '../../src/models/chat-model.ts'
import { type TinyGguf, writeTinyGguf } from './tiny-gguf.ts'

/** Models that lie beside the checkout, not in it. */
export const sharedModels = join(process.env.WEIR_TEST_SHARED ?? resolve(import.meta.dirname, '../../../shared'), 'models')
export const stories = join(sharedModels, 'stories260K/stories260K-f32.gguf')
export const hasStories = existsSync(stories)

export const scratch = (): string => mkdtempSync(join(tmpdir(), 'weir-models-'))

export const fileSpec = (path: string) => ({ path, sha256: sha256(readFileSync(path)), bytes: statSync(path).size })

/** A fresh random GGUF and its specification; small sizes, so that limits are soon reached. */
export const tinyGguf = (options: TinyGguf & Partial<GgufSpec> = {}): GgufSpec => {
  const path = join(scratch(), 'tiny.gguf')
  writeTinyGguf(path, options)
  return { id: 'tiny', contextTokens: 512, sequences: 2, threads: 1, maxQueue: 2, ...options, ...fileSpec(path) }
}

export type Asked = Partial<Omit<ChatRequest, 'input'>> & {
  prompt?: string
  echo?: boolean
  suffix?: string
  messages?: { role: string; content: unknown }[]
}

export const toRequest = ({ prompt, echo, suffix, messages, ...rest }: Asked): ChatRequest => ({
  input: messages ? { kind: 'chat', messages: messages as never } : { kind: 'text', prompt: prompt ?? 'once', echo, suffix },
  sampling: { maxTokens: 16 },
  incremental: true,
  tenant: 'acme',
  requestId: 'test',
  signal: new AbortController().signal,
  ...rest,
})

export type Collected = {
  events: ChatEvent[]
  texts: string[]
  reasons: (string | undefined)[]
  logprobs: TokenLogprob[]
  usage: Usage
  calls: { name: string | undefined; arguments: string }[]
}

/** Reads a stream to its end and sums it up, by choice. */
export const ask = async (model: ChatModel, asked: Asked): Promise<Collected> => {
  const events: ChatEvent[] = []
  for await (const event of model.stream(toRequest(asked))) events.push(event)
  const texts: string[] = []
  const reasons: string[] = []
  const logprobs: TokenLogprob[] = []
  const calls: Collected['calls'] = []
  let usage: Usage | undefined
  for (const event of events) {
    if (event.type === 'text-delta') {
      texts[event.choice] = (texts[event.choice] ?? '') + event.text
      logprobs.push(...(event.logprobs ?? []))
    }
    if (event.type === 'tool-call-delta') calls.push({ name: event.name, arguments: event.arguments })
    if (event.type === 'finish') reasons[event.choice] = event.reason
    if (event.type === 'usage') usage = event.usage
  }
  if (!usage) throw new Error('the stream ended without usage')
  return { events, texts, reasons, logprobs, usage, calls }
}
