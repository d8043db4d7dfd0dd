import type { DatasetMessage } from './message.ts'
import { settledAnswer } from './review.ts'
import type { DatasetItem } from './store.ts'

export const exportFormats = ['openai-chat', 'jsonl'] as const
export type ExportFormat = (typeof exportFormats)[number]

/**
 * One item as a line of JSON; undefined when it has no answer to give.
 * `openai-chat`: a line of OpenAI's chat fine-tuning files. `jsonl`: a case for suites, with where it comes from and who said so.
 */
export const exportLine = (item: DatasetItem, format: ExportFormat): string | undefined => {
  const answer = settledAnswer(item)
  if (answer === null) return undefined
  if (format === 'openai-chat') {
    const messages: DatasetMessage[] = [...item.messages, answer]
    return JSON.stringify({ messages, ...(item.tools ? { tools: item.tools } : {}) })
  }
  const { id, status, review } = item
  return JSON.stringify({
    id,
    ...askedAgain(item),
    expected: answer.content ?? answer.tool_calls,
    tags: [status],
    trace_id: item.traceId,
    route: item.route,
    variant: item.variant,
    reviewed_by: review?.actor ?? null,
    reviewed_at: review ? new Date(review.atMs).toISOString() : null,
    reason: review?.reason ?? null,
  })
}

/** What to ask a route to have the same asked again: what the client said. What was made of it, the route makes anew. */
export const askedAgain = ({ messages, said, tools }: Pick<DatasetItem, 'messages' | 'said' | 'tools'>) => {
  const own = said === null ? messages : said.messages
  return {
    ...(own.length > 0 ? { messages: own } : {}),
    ...(said?.variables ? { vars: said.variables } : {}),
    ...(said === null && tools ? { tools } : {}),
  }
}
