import { AppError } from '../../lib/errors.ts'
import type { ChatEvent, ChatRequest, FinishReason, Usage } from '../chat-model.ts'
import { estimateUsage } from './estimate.ts'
import { faultIn, hostError, isRecord, statusIn } from './host-error.ts'
import type { AnswerReader } from './hosted-answer.ts'
import { readLogprobs } from './openai-logprobs.ts'
import { createToolCallReader, type ToolCallReader } from './tool-calls.ts'

type Json = Record<string, unknown>

/**
 * Turns OpenAI-shaped answers into events: the chunks of a stream, or one whole answer, which is a chunk with everything in it.
 * Takes what hosts add and get wrong; throws `upstream_failed` for an answer that cannot be told from a broken one.
 */
export const createChunkReader = (host: string, request: ChatRequest): AnswerReader => {
  const wanted = request.n ?? 1
  const choices = Array.from({ length: wanted }, (): Choice => ({ finish: undefined, tools: undefined }))
  let usage: Usage | undefined
  let model: string | undefined
  let answerChars = 0

  const readChoice = (choice: Json, position: number): ChatEvent[] => {
    const index = typeof choice.index === 'number' ? choice.index : position
    const state = choices[index]
    // Nobody asked for this choice; or it is over, and what follows is a host's annotation (Azure's content filter results).
    if (state === undefined || state.finish !== undefined) return []
    const events = deltas(choice, index, request, state)
    for (const event of events) answerChars += 'text' in event ? event.text.length : 'arguments' in event ? event.arguments.length : 0
    if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '') {
      state.tools?.end(host)
      state.finish = finishReason(host, choice.finish_reason, state.tools !== undefined)
    }
    return events
  }

  return {
    /** Deltas in a chunk. Ends and usage are kept for `end`: they come last, once, however often a host sends them. */
    read(chunk: unknown): ChatEvent[] {
      if (!isRecord(chunk)) throw new AppError('upstream_failed', `${host} sent something that is not an answer`)
      const fault = faultIn(chunk)
      if (fault !== undefined) throw hostError(host, statusIn(fault), fault)
      if (typeof chunk.model === 'string' && chunk.model !== '') model ??= chunk.model
      if (isRecord(chunk.usage)) usage = readUsage(chunk.usage) ?? usage
      const list = chunk.choices
      return Array.isArray(list) ? list.filter(isRecord).flatMap(readChoice) : []
    },
    finished: () => choices.every((choice) => choice.finish !== undefined),
    model: () => model,
    end(): ChatEvent[] {
      const ends = choices.map(({ finish }, choice): ChatEvent => {
        if (finish === undefined) throw new AppError('upstream_failed', `${host} stopped before its answer was finished`)
        return { type: 'finish', choice, reason: finish }
      })
      return [...ends, { type: 'usage', usage: usage ?? estimateUsage(request, answerChars) }]
    },
  }
}

type Choice = { finish: FinishReason | undefined; tools: ToolCallReader | undefined }

const deltas = (choice: Json, index: number, request: ChatRequest, state: Choice): ChatEvent[] => {
  if (typeof choice.text === 'string') return textDelta(choice.text, index, choice.logprobs)
  const delta = choice.delta ?? choice.message
  if (!isRecord(delta)) return []
  const events: ChatEvent[] = []
  const reasoning = delta.reasoning_content ?? delta.reasoning
  if (typeof reasoning === 'string' && reasoning !== '') events.push({ type: 'reasoning-delta', choice: index, text: reasoning })
  events.push(...textDelta(contentText(delta.content), index, choice.logprobs))
  const refusal = delta.refusal
  if (typeof refusal === 'string' && refusal !== '') events.push({ type: 'refusal-delta', choice: index, text: refusal })
  if (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0) {
    state.tools ??= createToolCallReader(index, request.requestId)
    events.push(...state.tools.read(delta.tool_calls.filter(isRecord)))
  }
  return events
}

const textDelta = (text: string, choice: number, logprobs: unknown): ChatEvent[] => {
  const tokens = isRecord(logprobs) ? readLogprobs(logprobs) : undefined
  if (text === '' && tokens === undefined) return []
  return [tokens === undefined ? { type: 'text-delta', choice, text } : { type: 'text-delta', choice, text, logprobs: tokens }]
}

/** Text, or a list of parts as Mistral sends it. */
const contentText = (content: unknown): string => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part) => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('')
}

/** Hosts say `stop` after tool calls too (Ollama, forced calls at OpenAI): the calls decide. */
const finishReason = (host: string, reason: string, calledTools: boolean): FinishReason => {
  if (reason === 'error') throw new AppError('upstream_failed', `${host} failed while it was answering`)
  if (/^(length|max_tokens|model_length)$/.test(reason)) return 'length'
  if (/^(content_filter|safety|SAFETY)$/.test(reason)) return 'content_filter'
  return calledTools || /^(tool_calls|function_call)$/.test(reason) ? 'tool_calls' : 'stop'
}

const readUsage = (usage: Json): Usage | undefined => {
  const promptTokens = usage.prompt_tokens
  const completionTokens = usage.completion_tokens ?? 0
  if (typeof promptTokens !== 'number' || typeof completionTokens !== 'number') return undefined
  const cachedTokens = detail(usage.prompt_tokens_details, 'cached_tokens') ?? 0
  const reasoningTokens = detail(usage.completion_tokens_details, 'reasoning_tokens')
  return { promptTokens, completionTokens, cachedTokens, ...(reasoningTokens !== undefined && { reasoningTokens }) }
}

const detail = (details: unknown, name: string): number | undefined => {
  const value = isRecord(details) ? details[name] : undefined
  return typeof value === 'number' ? value : undefined
}
