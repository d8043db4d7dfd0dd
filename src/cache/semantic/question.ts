import type { ChatRequest } from '../../models/chat-model.ts'
import { digestOf } from '../key.ts'

/** What a request asks, and where questions lie that it may be compared with. */
export type Question = {
  text: string
  /** sha256 of everything else that decides the answer: the conversation before the question, the parameters, the response format. */
  setting: string
}

/** Undefined for requests whose answer depends on more than the words of their last message: with tools, images, choices or logprobs. */
export const questionOf = (request: ChatRequest): Question | undefined => {
  const { input, tools, n = 1, sampling } = request
  if (input.kind !== 'chat' || (tools?.length ?? 0) > 0 || n !== 1 || sampling.topLogprobs !== undefined) return undefined
  const last = input.messages.at(-1)
  if (last?.role !== 'user') return undefined
  const text = plainText(last.content)
  if (text === undefined || text.trim() === '' || text.length > longest) return undefined
  return { text, setting: digestOf(request, { kind: 'chat', messages: input.messages.slice(0, -1), name: last.name }) }
}

/** Characters. What is longer is hardly asked twice in other words. */
const longest = 2000

const plainText = (content: string | readonly { type: string; text?: string }[]): string | undefined => {
  if (typeof content === 'string') return content
  const [part, ...more] = content
  return part?.type === 'text' && more.length === 0 ? part.text : undefined
}
