import type { ChatEvent, Tool } from '../../models/chat-model.ts'

type Delta = ChatEvent extends infer Event ? (Event extends { choice: number } ? Omit<Event, 'choice'> : never) : never
export type AnswerDelta = Extract<Delta, { type: 'text-delta' | 'tool-call-delta' }>

/** Reads tool calls out of generated text. */
export type ToolCallReader = {
  push(text: string): AnswerDelta[]
  /** What is left when the answer ends: text that never became a call. */
  finish(): AnswerDelta[]
  readonly called: boolean
}

export const callStart = '<tool_call>'
export const callEnd = '</tool_call>'

/**
 * The convention of Hermes and Qwen: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, any number of them, text between. An answer
 * that is one JSON object `{"name": …, "arguments" or "parameters": {…}}` and nothing else counts as a call too (Llama 3.1's convention).
 * What does not parse, or names no tool of the request, stays text.
 */
export const createToolCallReader = (tools: readonly Tool[], newId: () => string): ToolCallReader => {
  const names = new Set(tools.map((tool) => tool.name))
  let held = ''
  let calls = 0
  let said = false

  const call = (json: string): AnswerDelta | undefined => {
    const parsed = parseCall(json, names)
    return parsed && { type: 'tool-call-delta', index: calls++, id: newId(), ...parsed }
  }
  const speak = (text: string): AnswerDelta[] => {
    if (text.trim() !== '') said = true
    // White space around calls is part of the convention, not of the answer.
    return text === '' || (!said && text.trim() === '') || (calls > 0 && text.trim() === '') ? [] : [{ type: 'text-delta', text }]
  }

  return {
    get called() {
      return calls > 0
    },
    push(text) {
      held += text
      const out: AnswerDelta[] = []
      for (;;) {
        if (!said && calls === 0 && held.trimStart().startsWith('{')) return out
        const start = held.indexOf(callStart)
        if (start < 0) {
          const keep = partialStart(held)
          out.push(...speak(held.slice(0, held.length - keep)))
          held = held.slice(held.length - keep)
          return out
        }
        const end = held.indexOf(callEnd, start)
        if (end < 0) {
          out.push(...speak(held.slice(0, start)))
          held = held.slice(start)
          return out
        }
        out.push(...speak(held.slice(0, start)))
        const whole = held.slice(start, end + callEnd.length)
        held = held.slice(end + callEnd.length)
        const parsed = call(whole.slice(callStart.length, -callEnd.length))
        out.push(...(parsed ? [parsed] : speak(whole)))
      }
    },
    finish() {
      const rest = held
      held = ''
      // Some models leave the closing tag out when the call ends the answer.
      const parsed = rest.trimStart().startsWith('{')
        ? call(rest)
        : rest.startsWith(callStart)
          ? call(rest.slice(callStart.length))
          : undefined
      return parsed ? [parsed] : speak(rest)
    },
  }
}

const parseCall = (json: string, names: ReadonlySet<string>): { name: string; arguments: string } | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null) return undefined
    const { name, arguments: given, parameters } = value as { name?: unknown; arguments?: unknown; parameters?: unknown }
    const args = given ?? parameters ?? {}
    if (typeof name !== 'string' || !names.has(name)) return undefined
    return { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) }
  } catch {
    return undefined
  }
}

const partialStart = (text: string): number => {
  for (let length = Math.min(callStart.length - 1, text.length); length > 0; length--)
    if (text.endsWith(callStart.slice(0, length))) return length
  return 0
}
