import type { ChatRequest, Usage } from '../chat-model.ts'

/** Usage of a host that reports none: about four characters a token in English, and four tokens around each message. */
export const estimateUsage = (request: Pick<ChatRequest, 'input' | 'tools'>, answerChars: number): Usage => ({
  promptTokens: promptTokens(request),
  completionTokens: Math.ceil(answerChars / charsPerToken),
  cachedTokens: 0,
  estimated: true,
})

const charsPerToken = 4
const tokensPerMessage = 4

const promptTokens = ({ input, tools }: Pick<ChatRequest, 'input' | 'tools'>): number => {
  const toolChars = tools === undefined ? 0 : JSON.stringify(tools).length
  if (input.kind === 'text') return Math.ceil((input.prompt.length + toolChars) / charsPerToken)
  const chars = input.messages.reduce((sum, message) => sum + contentChars(message.content), toolChars)
  return Math.ceil(chars / charsPerToken) + input.messages.length * tokensPerMessage
}

const contentChars = (content: string | null | { type: string; text?: string }[]): number => {
  if (content === null) return 0
  if (typeof content === 'string') return content.length
  return content.reduce((sum, part) => sum + (part.text?.length ?? 0), 0)
}
