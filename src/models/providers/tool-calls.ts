import { AppError } from '../../lib/errors.ts'
import type { ChatEvent } from '../chat-model.ts'

type Delta = Extract<ChatEvent, { type: 'tool-call-delta' }>

export type ToolCallReader = ReturnType<typeof createToolCallReader>

/**
 * Sorts out the pieces of one choice's tool calls. Hosts leave out the index, the id, or both; repeat the id on every piece; give
 * parallel calls one index (Gemini); or send arguments as an object (Ollama). What comes out keeps the port's promise: the first
 * piece of a call has its id and name.
 */
export const createToolCallReader = (choice: number, requestId: string) => {
  const calls: Call[] = []

  const callFor = (index: unknown, id: string, name: string): Call => {
    const known = typeof index === 'number' ? calls.find((call) => call.hostIndex === index) : id === '' ? calls.at(-1) : byId(calls, id)
    const another = known !== undefined && id !== '' && id !== known.id && name !== '' && known.opened
    if (known !== undefined && !another) return known
    const position = calls.length
    const call = { position, hostIndex: typeof index === 'number' ? index : undefined, id, name: '', held: '', opened: false }
    // The newest call with a host's index is the one that its further pieces belong to.
    if (another && known !== undefined) known.hostIndex = undefined
    calls.push(call)
    return call
  }

  const readOne = (piece: Record<string, unknown>): Delta[] => {
    const part = (typeof piece.function === 'object' && piece.function !== null ? piece.function : {}) as Record<string, unknown>
    const id = typeof piece.id === 'string' ? piece.id : ''
    const name = typeof part.name === 'string' ? part.name : ''
    const call = callFor(piece.index, id, name)
    const text = argumentsText(part.arguments)
    if (call.opened) return text === '' ? [] : [{ type: 'tool-call-delta', choice, index: call.position, arguments: text }]
    call.id ||= id
    call.name ||= name
    call.held += text
    if (call.name === '') return []
    call.opened = true
    call.id ||= `call_${requestId.replaceAll('-', '')}${choice}${call.position}`
    return [{ type: 'tool-call-delta', choice, index: call.position, id: call.id, name: call.name, arguments: call.held }]
  }

  return {
    read: (pieces: Record<string, unknown>[]): Delta[] => pieces.flatMap(readOne),
    /** Throws when a call never said what it calls. */
    end(host: string): void {
      if (calls.some((call) => !call.opened)) throw new AppError('upstream_failed', `${host} sent a tool call without a name`)
    },
  }
}

type Call = { position: number; hostIndex: number | undefined; id: string; name: string; held: string; opened: boolean }

const byId = (calls: Call[], id: string) => calls.find((call) => call.id === id)

const argumentsText = (value: unknown): string => {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}
