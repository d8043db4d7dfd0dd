import type { ChatEvent } from '../models/chat-model.ts'
import type { Reader } from './check.ts'
import { Blocked, type Guard, type GuardReport, watch } from './guard.ts'
import { type Asked, guardInput } from './input.ts'
import { guardOutput } from './output.ts'

/** The guards of a route, in the order of the configuration. */
export type RouteGuards = { input: readonly Guard[]; output: readonly Guard[] }

/** The guards of a route at work on one request. */
export type Guarding = {
  /** What may be asked; `refusal` instead when a guard answers in place of the model. Throws `content_filtered`. */
  input(asked: Asked): Promise<Asked | { refusal: string }>
  /** What may be read of the answer. `choices`: how many there will be. */
  output(events: AsyncIterable<ChatEvent>, choices: number): AsyncIterable<ChatEvent>
  /** Filled in along the way. */
  readonly reports: readonly GuardReport[]
}

export const createGuarding = (guards: RouteGuards, reader: Reader): Guarding => {
  const input = guards.input.map((guard) => watch(guard, 'input', reader))
  const output = guards.output.map((guard) => watch(guard, 'output', reader))
  return {
    reports: [...input, ...output].map(({ report }) => report),
    input: async (asked) => {
      try {
        return await guardInput(asked, input)
      } catch (error) {
        if (error instanceof Blocked && error.refusal !== undefined) return { refusal: error.refusal }
        throw error
      }
    },
    output: (events, choices) => (output.length === 0 ? events : guardOutput(events, output, choices)),
  }
}

/** A refusal told as a model would tell it, in every choice. */
export const refusalEvents = async function* (refusal: string, choices: number): AsyncGenerator<ChatEvent> {
  for (let choice = 0; choice < choices; choice += 1) {
    yield { type: 'text-delta', choice, text: refusal }
    yield { type: 'finish', choice, reason: 'content_filter' }
  }
  yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0 } }
}
