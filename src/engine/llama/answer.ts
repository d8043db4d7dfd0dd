import type { ChatEvent, FinishReason, TokenLogprob } from '../../models/chat-model.ts'
import type { Sampled } from './sampler.ts'
import { createStopScanner } from './stop-scanner.ts'
import type { ToolCallReader } from './tool-calls.ts'
import type { Vocabulary } from './vocabulary.ts'

export type AnswerOptions = {
  choice: number
  stop: readonly string[]
  /** Drop the space that a SentencePiece model puts before its first word. */
  trimStart: boolean
  /** Turns text into tool calls; absent when no tools were given. */
  tools: ToolCallReader | undefined
  emit(event: ChatEvent): void
}

/** One choice under way: tokens in, chat events out. Bytes of half a character, and of half a stop sequence, wait for the rest. */
export type Answer = {
  /** False when the answer is complete. */
  push(sampled: Sampled): boolean
  finish(end: 'stopped' | 'length'): void
  /** Tokens generated, the one that ended the answer left out. */
  readonly tokens: number
}

export const createAnswer = (vocabulary: Vocabulary, options: AnswerOptions): Answer => {
  const { choice, emit, tools } = options
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const stops = createStopScanner(options.stop)
  let trim = options.trimStart
  let cut = false
  let tokens = 0
  /** Characters decoded and emitted; a log probability goes out with the last character of its token. */
  let decoded = 0
  let emitted = 0
  let logprobs: { end: number; logprob: TokenLogprob }[] = []

  const release = (text: string, last: boolean) => {
    emitted += text.length
    const ready = logprobs.filter((item) => last || item.end <= emitted)
    logprobs = logprobs.slice(ready.length)
    if (text === '' && ready.length === 0) return
    if (tools) for (const event of tools.push(text)) emit({ ...event, choice })
    else emit({ type: 'text-delta', choice, text, ...(ready.length > 0 ? { logprobs: ready.map((item) => item.logprob) } : {}) })
  }

  return {
    get tokens() {
      return tokens
    },
    push(sampled) {
      if (vocabulary.isEnd(sampled.token)) return false
      tokens += 1
      let text = decoder.decode(vocabulary.bytes(sampled.token), { stream: true })
      if (trim && text !== '') {
        text = text.replace(/^ /, '')
        trim = false
      }
      decoded += text.length
      if (sampled.logprob !== undefined) logprobs.push({ end: decoded, logprob: tokenLogprob(vocabulary, sampled) })
      const { text: safe, stopped } = stops.push(text)
      release(safe, false)
      cut = stopped
      return !stopped
    },
    finish(end) {
      // Tokens that a stop sequence swallowed are not part of the answer, nor are their log probabilities.
      release(stops.flush(), !cut)
      const left = tools?.finish() ?? []
      for (const event of left) emit({ ...event, choice })
      const reason: FinishReason = end === 'length' ? 'length' : tools?.called ? 'tool_calls' : 'stop'
      emit({ type: 'finish', choice, reason })
    },
  }
}

const tokenLogprob = (vocabulary: Vocabulary, { token, logprob, top }: Sampled): TokenLogprob => ({
  ...spelled(vocabulary, token),
  logprob: logprob ?? -9999,
  top: (top ?? []).map((item) => ({ ...spelled(vocabulary, item.token), logprob: item.logprob })),
})

const spelled = (vocabulary: Vocabulary, token: number): { token: string; bytes: number[] } => {
  const bytes = vocabulary.bytes(token)
  return { token: new TextDecoder().decode(bytes), bytes: [...bytes] }
}
