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
  const { id, messages, tools, status, review } = item
  return JSON.stringify({
    id,
    messages,
    expected: answer.content ?? answer.tool_calls,
    tags: [status],
    ...(tools ? { tools } : {}),
    trace_id: item.traceId,
    route: item.route,
    variant: item.variant,
    reviewed_by: review?.actor ?? null,
    reviewed_at: review ? new Date(review.atMs).toISOString() : null,
    reason: review?.reason ?? null,
  })
}
