import type { ChatEvent } from '../models/chat-model.ts'
import type { Landing } from './flight.ts'
import type { CacheEntry } from './store.ts'

/**
 * What of a call is worth keeping: undefined unless every choice came to its end, and none was cut off by a content filter. What a fallback
 * said is not the variant's own answer and is not kept either.
 */
export const completeAnswer = (
  { events, observations, error }: Landing,
  choices: number,
  modelId: string,
): Pick<CacheEntry, 'events' | 'modelId' | 'upstreamModel'> | undefined => {
  if (error !== undefined || observations.some(({ type }) => type === 'fell-back')) return undefined
  const finished = events.filter((event) => event.type === 'finish')
  if (new Set(finished.map((event) => event.choice)).size < choices) return undefined
  if (finished.some((event) => event.reason === 'content_filter')) return undefined
  const servedBy = observations.findLast((observation) => observation.type === 'served-by')
  return {
    events: merged(events),
    modelId: servedBy?.modelId ?? modelId,
    upstreamModel: servedBy?.upstreamModel,
  }
}

/** Small deltas as fewer, larger ones: an answer is kept in a fraction of the memory and is still replayed as a stream. */
const merged = (events: readonly ChatEvent[]): ChatEvent[] => {
  const fewer: ChatEvent[] = []
  for (const event of events) {
    const last = fewer.at(-1)
    if (last !== undefined && isPlainText(last) && isPlainText(event) && belongTogether(last, event)) {
      fewer[fewer.length - 1] = { ...last, text: last.text + event.text }
    } else fewer.push(event)
  }
  return fewer
}

type PlainText = Extract<ChatEvent, { type: 'text-delta' | 'reasoning-delta' }>

const isPlainText = (event: ChatEvent): event is PlainText =>
  event.type === 'reasoning-delta' || (event.type === 'text-delta' && event.logprobs === undefined)

const belongTogether = (last: PlainText, next: PlainText): boolean =>
  last.type === next.type && last.choice === next.choice && last.text.length < mergedCharacters

/** About what a second of a fast model brings. */
const mergedCharacters = 400
