import type { ChatMessage, ChatRequest } from '../models/chat-model.ts'
import { merge, redact, type Span } from './check.ts'
import type { Watch } from './guard.ts'

export type Asked = { input: ChatRequest['input']; variables: { [name: string]: unknown } | null }

/**
 * What was asked, without what guards take out. Throws `Blocked`.
 *
 * Read are the words of users and tools, and the variables of a prompt; system messages are the application's own. Models that judge read
 * the last turn alone, for they read the others when those were last; patterns read every turn, because every turn is sent again.
 */
export const guardInput = async ({ input, variables }: Asked, watches: readonly Watch[]): Promise<Asked> => {
  if (watches.length === 0) return { input, variables }
  const patterns = watches.filter(({ guard }) => guard.check.reads.kind === 'chars')
  const clean = (text: string, isLastTurn: boolean) => cleaned(text, isLastTurn ? watches : patterns)
  return {
    input:
      input.kind === 'text'
        ? { ...input, prompt: await clean(input.prompt, true) }
        : { ...input, messages: await cleanMessages(input.messages, clean) },
    variables: variables && ((await cleanValue(variables, clean)) as Asked['variables']),
  }
}

type Clean = (text: string, isLastTurn: boolean) => Promise<string>

const cleanMessages = async (messages: ChatMessage[], clean: Clean): Promise<ChatMessage[]> => {
  const lastAnswer = messages.findLastIndex(({ role }) => role === 'assistant')
  const all: ChatMessage[] = []
  for (const [index, message] of messages.entries()) {
    const isLastTurn = index > lastAnswer
    if (message.role === 'tool') all.push({ ...message, content: await clean(message.content, isLastTurn) })
    else if (message.role !== 'user') all.push(message)
    else if (typeof message.content === 'string') all.push({ ...message, content: await clean(message.content, isLastTurn) })
    else {
      const content: typeof message.content = []
      for (const part of message.content) content.push(part.type === 'text' ? { ...part, text: await clean(part.text, isLastTurn) } : part)
      all.push({ ...message, content })
    }
  }
  return all
}

const cleanValue = async (value: unknown, clean: Clean): Promise<unknown> => {
  if (typeof value === 'string') return clean(value, true)
  if (Array.isArray(value)) return Promise.all(value.map((item) => cleanValue(item, clean)))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([name, item]) => [name, await cleanValue(item, clean)])))
}

/** A text after all guards have read it as it came. */
export const cleaned = async (text: string, watches: readonly Watch[]): Promise<string> => {
  if (text === '') return text
  return redact(text, await spansToRemove(text, watches))
}

/** What those guards that take findings out found, ascending and disjoint. Throws `Blocked`. */
export const spansToRemove = async (text: string, watches: readonly Watch[]): Promise<Span[]> => {
  const findings = await Promise.all(watches.map(async (watch) => ({ watch, finding: await watch.inspect(text) })))
  return merge(findings.flatMap(({ watch, finding }) => (watch.guard.action === 'redact' ? (finding?.spans ?? []) : [])))
}
