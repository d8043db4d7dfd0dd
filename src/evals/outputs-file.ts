import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import type { Output } from './scorer.ts'
import { blank } from './target.ts'

const line = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  output: z.union([z.string(), z.object({ text: z.string() }).loose()]),
})

/** Recorded answers, one JSON object `{"id": case, "output": text}` a line; several lines of one case are its repeats. */
export const readOutputs = (text: string, file: string): Map<string, Output[]> => {
  const outputs = new Map<string, Output[]>()
  for (const [index, one] of text.split(/\r?\n/).entries()) {
    if (one.trim() === '') continue
    const { id, output } = parsed(one, `${file}:${index + 1}`)
    const all = outputs.get(id) ?? []
    all.push(typeof output === 'string' ? { ...blank, text: output } : ({ ...blank, ...output } as Output))
    outputs.set(id, all)
  }
  if (outputs.size === 0) throw new AppError('invalid_request', `${file}: holds no outputs`)
  return outputs
}

const parsed = (text: string, place: string): z.output<typeof line> => {
  try {
    return line.parse(JSON.parse(text))
  } catch {
    throw new AppError('invalid_request', `${place}: must be {"id": the case, "output": its text}`)
  }
}
