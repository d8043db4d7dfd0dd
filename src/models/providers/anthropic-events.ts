import { AppError } from '../../lib/errors.ts'
import type { ChatEvent, ChatRequest, FinishReason, Usage } from '../chat-model.ts'
import { estimateUsage } from './estimate.ts'
import { faultIn, hostError, isRecord, statusIn } from './host-error.ts'
import type { AnswerReader } from './hosted-answer.ts'

/** Turns the events of an Anthropic message stream, or a whole message, into ours. */
export const createMessageReader = (host: string, request: ChatRequest): AnswerReader => {
  /** Position among the tool calls of each content block that is one. */
  const callOfBlock = new Map<unknown, { position: number; argued: boolean; input: unknown }>()
  const usage: Partial<Usage> = {}
  let model: string | undefined
  let finish: FinishReason | undefined
  let answerChars = 0

  const readBlock = (index: unknown, block: Record<string, unknown>): ChatEvent[] => {
    if (block.type === 'text') return text(block.text)
    if (block.type === 'thinking') return reasoning(block.thinking)
    if (block.type !== 'tool_use') return []
    const position = callOfBlock.size
    callOfBlock.set(index, { position, argued: false, input: block.input })
    return [{ type: 'tool-call-delta', choice: 0, index: position, id: String(block.id), name: String(block.name), arguments: '' }]
  }
  const readDelta = (index: unknown, delta: Record<string, unknown>): ChatEvent[] => {
    if (delta.type === 'text_delta') return text(delta.text)
    if (delta.type === 'thinking_delta') return reasoning(delta.thinking)
    const call = callOfBlock.get(index)
    if (delta.type !== 'input_json_delta' || call === undefined || typeof delta.partial_json !== 'string' || delta.partial_json === '')
      return []
    call.argued = true
    return argue(call.position, delta.partial_json)
  }
  /** A call whose input came in its first event, or that takes none, still ends with a JSON object. */
  const endBlock = (index: unknown): ChatEvent[] => {
    const call = callOfBlock.get(index)
    if (call === undefined || call.argued) return []
    call.argued = true
    return argue(call.position, JSON.stringify(call.input ?? {}))
  }
  const text = (value: unknown): ChatEvent[] => {
    if (typeof value !== 'string' || value === '') return []
    answerChars += value.length
    return [{ type: 'text-delta', choice: 0, text: value }]
  }
  const reasoning = (value: unknown): ChatEvent[] => {
    if (typeof value !== 'string' || value === '') return []
    answerChars += value.length
    return [{ type: 'reasoning-delta', choice: 0, text: value }]
  }
  const argue = (index: number, piece: string): ChatEvent[] => {
    answerChars += piece.length
    return [{ type: 'tool-call-delta', choice: 0, index, arguments: piece }]
  }
  const readEnd = (reason: unknown) => {
    if (typeof reason === 'string') finish = finishReason(reason)
  }
  /** Cache reads and writes are not part of `input_tokens` there; they are part of the prompt here. Later counts replace earlier. */
  const readUsage = (counts: unknown) => {
    if (!isRecord(counts)) return
    const { input_tokens: input, output_tokens: output } = counts
    if (typeof input === 'number') {
      usage.cachedTokens = number(counts.cache_read_input_tokens)
      usage.promptTokens = input + usage.cachedTokens + number(counts.cache_creation_input_tokens)
    }
    if (typeof output === 'number') usage.completionTokens = output
  }

  return {
    read(event: unknown): ChatEvent[] {
      if (!isRecord(event)) throw new AppError('upstream_failed', `${host} sent something that is not an answer`)
      switch (event.type) {
        case 'error': {
          const fault = faultIn(event) ?? {}
          throw hostError(host, statusIn(fault), fault)
        }
        case 'message_start': {
          const message = isRecord(event.message) ? event.message : {}
          model = typeof message.model === 'string' ? message.model : undefined
          readUsage(message.usage)
          return []
        }
        case 'content_block_start':
          return isRecord(event.content_block) ? readBlock(event.index, event.content_block) : []
        case 'content_block_delta':
          return isRecord(event.delta) ? readDelta(event.index, event.delta) : []
        case 'content_block_stop':
          return endBlock(event.index)
        case 'message_delta':
          readEnd(isRecord(event.delta) ? event.delta.stop_reason : undefined)
          readUsage(event.usage)
          return []
        case 'message': {
          if (typeof event.model === 'string') model = event.model
          readEnd(event.stop_reason)
          readUsage(event.usage)
          const content = Array.isArray(event.content) ? event.content.filter(isRecord) : []
          return content.flatMap((block, index) => [...readBlock(index, block), ...endBlock(index)])
        }
        default:
          // `ping`, and event types of the future: their documentation asks readers to pass over them.
          return []
      }
    },
    finished: () => finish !== undefined,
    model: () => model,
    end(): ChatEvent[] {
      if (finish === undefined) throw new AppError('upstream_failed', `${host} stopped before its answer was finished`)
      const { estimated, ...estimate } = estimateUsage(request, answerChars)
      const counted = usage.promptTokens !== undefined && usage.completionTokens !== undefined
      return [
        { type: 'finish', choice: 0, reason: finish },
        { type: 'usage', usage: { ...estimate, ...usage, ...(!counted && { estimated }) } },
      ]
    },
  }
}

const finishReason = (reason: string): FinishReason => {
  if (reason === 'max_tokens' || reason === 'model_context_window_exceeded') return 'length'
  if (reason === 'tool_use') return 'tool_calls'
  return reason === 'refusal' ? 'content_filter' : 'stop'
}

const number = (value: unknown): number => (typeof value === 'number' ? value : 0)
