import type { ChatEvent } from '../models/chat-model.ts'
import { Blocked, type Watch } from './guard.ts'
import { cleaned } from './input.ts'
import { createWindow, type Window } from './window.ts'

/**
 * An answer that guards read before its reader does. Keeps the contract of `ChatModel.stream`. A block is an error, or the end of that
 * choice with `content_filter`: never an end that looks like the model's own.
 */
export async function* guardOutput(
  events: AsyncIterable<ChatEvent>,
  watches: readonly Watch[],
  expected: number,
): AsyncGenerator<ChatEvent> {
  const choices = new Map<number, GuardedChoice>()
  const choiceOf = (index: number): GuardedChoice => {
    const choice = choices.get(index) ?? createChoice(index, watches)
    choices.set(index, choice)
    return choice
  }
  for await (const event of events) {
    if (event.type === 'usage') {
      yield event
      continue
    }
    const choice = choiceOf(event.choice)
    if (choice.isBlocked) continue
    try {
      for (const released of await choice.take(event)) yield released
    } catch (error) {
      if (!(error instanceof Blocked) || error.refusal === undefined) throw error
      for (const told of choice.block(error.refusal)) yield told
      // Nobody will read the rest: leaving stops the model.
      if (choices.size === expected && [...choices.values()].every(({ isBlocked }) => isBlocked)) return
    }
  }
}

type ToolCall = { id?: string | undefined; name?: string | undefined; arguments: string }

type GuardedChoice = {
  readonly isBlocked: boolean
  take(event: Exclude<ChatEvent, { type: 'usage' }>): Promise<ChatEvent[]>
  /** The message, unless something else was said before, and the end. */
  block(refusal: string): ChatEvent[]
}

const createChoice = (choice: number, watches: readonly Watch[]): GuardedChoice => {
  const text = createWindow(watches)
  const reasoning = createWindow(watches.filter(({ guard }) => guard.check.reads.kind !== 'whole'))
  const calls = new Map<number, ToolCall>()
  let isBlocked = false
  let hasSpoken = false
  let hasText = false

  const spoken = (type: 'text-delta' | 'reasoning-delta', released: Awaited<ReturnType<Window['end']>>): ChatEvent[] => {
    if (released === undefined) return []
    hasSpoken ||= type === 'text-delta'
    return [type === 'text-delta' ? { type, choice, ...released } : { type, choice, text: released.text }]
  }
  /** Arguments are read when they are complete: half a JSON text cannot be judged, nor called. */
  const finishedCalls = async (): Promise<ChatEvent[]> => {
    const all: ChatEvent[] = []
    for (const [index, { id, name, arguments: written }] of calls) {
      const kept = await cleaned(
        written,
        watches.filter(({ guard }) => guard.check.reads.kind !== 'whole'),
      )
      all.push({ type: 'tool-call-delta', choice, index, id, name, arguments: kept })
    }
    return all
  }

  return {
    get isBlocked() {
      return isBlocked
    },
    take: async (event) => {
      switch (event.type) {
        case 'text-delta':
          hasText = true
          return spoken('text-delta', await text.push(event.text, event.logprobs))
        case 'reasoning-delta':
          return spoken('reasoning-delta', await reasoning.push(event.text))
        case 'tool-call-delta': {
          const call = calls.get(event.index) ?? { arguments: '' }
          calls.set(event.index, { id: call.id ?? event.id, name: call.name ?? event.name, arguments: call.arguments + event.arguments })
          return []
        }
        case 'finish':
          return [
            ...spoken('reasoning-delta', await reasoning.end()),
            ...(hasText || calls.size === 0 ? spoken('text-delta', await text.end()) : []),
            ...(await finishedCalls()),
            event,
          ]
        default:
          return [event]
      }
    },
    block: (refusal) => {
      isBlocked = true
      const end: ChatEvent = { type: 'finish', choice, reason: 'content_filter' }
      return hasSpoken ? [end] : [{ type: 'text-delta', choice, text: refusal }, end]
    },
  }
}
