import type { Answer } from '../answer/request.ts'
import type { ChatEvent, Usage } from '../models/chat-model.ts'

/**
 * Several answers as one: asked one after the other, their choices numbered on, their usage added up. Headers and id come from the first.
 * A failure ends it; the answers not yet asked for never were.
 */
export const inTurn = (asks: (() => Answer)[], choicesEach: number): Answer => {
  const [askFirst, ...others] = asks
  if (askFirst === undefined) throw new RangeError('inTurn needs at least one answer')
  const first = askFirst()
  if (others.length === 0) return first

  const choices = [...first.choices]
  const total: Usage = { promptTokens: 0, completionTokens: 0, cachedTokens: 0 }
  const events = async function* (): AsyncGenerator<ChatEvent, void, undefined> {
    for (const [index, ask] of [() => first, ...others].entries()) {
      const answer = ask()
      if (index > 0) choices.push(...answer.choices)
      for await (const event of answer.events) {
        if (event.type === 'usage') add(total, event.usage)
        else yield { ...event, choice: event.choice + index * choicesEach }
      }
    }
    yield { type: 'usage', usage: total }
  }
  return { events: events(), choices, usage: total, trace: first.trace }
}

const add = (total: Usage, usage: Usage): void => {
  total.promptTokens += usage.promptTokens
  total.completionTokens += usage.completionTokens
  total.cachedTokens += usage.cachedTokens
}
