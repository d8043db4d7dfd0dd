import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import type { ChatMessage } from '../models/chat-model.ts'

/** Questions that are asked again and again. `hash`: of all of them, in order. */
export type GoldenSet = { hash: string; cases: readonly GoldenCase[] }
export type GoldenCase = { id: string; messages: ChatMessage[]; variables: { [name: string]: unknown } | null }

const message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })
const line = z
  .strictObject({
    id: z.string().min(1).max(200),
    messages: z.array(message).min(1).optional(),
    /** One message of the user. */
    prompt: z.string().min(1).optional(),
    /** What the variant's prompt is rendered with. */
    variables: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(({ messages, prompt }) => (messages === undefined) !== (prompt === undefined), { message: 'give either messages or prompt' })

/** A golden set of JSON lines. Throws `invalid_request` naming file and line of the first fault: no question is skipped. */
export const readGoldenSet = (text: string, file: string): GoldenSet => {
  const cases = text.split(/\r?\n/).flatMap((written, index): GoldenCase[] => {
    if (written.trim() === '') return []
    const place = `${file}:${index + 1}`
    const parsed = line.safeParse(json(written, place))
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new AppError('invalid_request', `${place}: ${issue?.path.join('.') ? `${issue.path.join('.')}: ` : ''}${issue?.message}`)
    }
    const { id, messages, prompt, variables } = parsed.data
    return [{ id, messages: messages ?? [{ role: 'user', content: prompt ?? '' }], variables: variables ?? null }]
  })
  if (cases.length === 0) throw new AppError('invalid_request', `${file} has no questions`)
  const twice = cases.find(({ id }, index) => cases.findIndex((one) => one.id === id) < index)
  if (twice) throw new AppError('invalid_request', `${file}: two questions are called ${twice.id}`)
  return { hash: hashOf(cases), cases }
}

const json = (text: string, place: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new AppError('invalid_request', `${place}: not valid JSON`)
  }
}
