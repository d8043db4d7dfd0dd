import type { ChatEvent, FinishReason, TokenLogprob, ToolCall } from '../models/chat-model.ts'

/** One choice of an answer, put together from its deltas. */
export type Choice = {
  text: string
  reasoning: string
  refusal: string
  toolCalls: ToolCall[]
  logprobs: TokenLogprob[] | undefined
  /** Null while the choice is unfinished. */
  finishReason: FinishReason | null
  /** Citations and the like, made from the finished text. */
  annotations: unknown[]
}

export const blankChoices = (count: number): Choice[] =>
  Array.from({ length: count }, () => ({
    text: '',
    reasoning: '',
    refusal: '',
    toolCalls: [],
    logprobs: undefined,
    finishReason: null,
    annotations: [],
  }))

/** Adds one event to the choice it belongs to. */
export const write = (choices: Choice[], event: ChatEvent): void => {
  if (event.type === 'usage') return
  const choice = choices[event.choice]
  if (choice === undefined) return
  switch (event.type) {
    case 'text-delta':
      choice.text += event.text
      if (event.logprobs) {
        choice.logprobs ??= []
        choice.logprobs.push(...event.logprobs)
      }
      return
    case 'reasoning-delta':
      choice.reasoning += event.text
      return
    case 'refusal-delta':
      choice.refusal += event.text
      return
    case 'tool-call-delta':
      writeToolCall(choice.toolCalls, event)
      return
    case 'finish':
      choice.finishReason = event.reason
  }
}

const writeToolCall = (calls: ToolCall[], delta: Extract<ChatEvent, { type: 'tool-call-delta' }>): void => {
  const call = calls[delta.index]
  if (call === undefined) calls[delta.index] = { id: delta.id ?? '', name: delta.name ?? '', arguments: delta.arguments }
  else call.arguments += delta.arguments
}
