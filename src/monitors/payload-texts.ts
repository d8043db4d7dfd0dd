import type { TracePayload } from '../traces/trace.ts'

type Message = { role?: unknown; content?: unknown }
type Choice = { text?: unknown; refusal?: unknown; toolCalls?: unknown }

/** What the user asked: the last user message, the raw prompt, or the first text. Null when the payload is gone or of another shape. */
export const askedText = (payload: TracePayload | null): string | null => {
  const input = payload?.input as { messages?: unknown; prompt?: unknown; texts?: unknown } | null | undefined
  if (input === null || typeof input !== 'object') return null
  if (Array.isArray(input.messages)) {
    const last = (input.messages as Message[]).findLast(({ role }) => role === 'user')
    return textOf(last?.content)
  }
  if (typeof input.prompt === 'string') return input.prompt
  return Array.isArray(input.texts) && typeof input.texts[0] === 'string' ? input.texts[0] : null
}

/** What was answered: the text of the first choice. Null for anything but conversations and completions. */
export const answeredText = (payload: TracePayload | null): string | null => {
  const choice = firstChoice(payload)
  return typeof choice?.text === 'string' ? choice.text : null
}

export const firstChoice = (payload: TracePayload | null): Choice | null => {
  const [choice] = Array.isArray(payload?.output) ? (payload.output as unknown[]) : []
  return choice !== null && typeof choice === 'object' && !Array.isArray(choice) ? (choice as Choice) : null
}

/** The first text's labels of a classification, from the likeliest on. */
export const labelScores = (payload: TracePayload | null): { label: string; score: number }[] => {
  const [first] = Array.isArray(payload?.output) ? (payload.output as unknown[]) : []
  return Array.isArray(first) ? (first as { label: string; score: number }[]) : []
}

/** Scores of the passages that went into the answer; null when nothing was looked up. */
export const passageScores = (payload: TracePayload | null): number[] | null => {
  const found = (payload?.passages as { passages?: unknown } | undefined)?.passages
  if (!Array.isArray(found)) return null
  return (found as { score?: unknown }[]).flatMap(({ score }) => (typeof score === 'number' ? score : []))
}

const textOf = (content: unknown): string | null => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return null
  const texts = (content as { type?: unknown; text?: unknown }[]).flatMap(({ text }) => (typeof text === 'string' ? text : []))
  return texts.length > 0 ? texts.join('\n') : null
}
