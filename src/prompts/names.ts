/** What a path under `prompts/` is called. Variants are prompts of their own: `answer.short` is versioned and labelled apart from `answer`. */
export type PromptName = { kind: 'prompt'; name: string; base: string; variant: string | undefined }
export type PartialName = { kind: 'partial'; name: string }

/**
 * `support/answer.short.prompt` → prompt `support/answer.short`, variant `short` of `support/answer`;
 * `support/_tone.prompt` → partial `support/tone`. Undefined when the path is no well-formed prompt path.
 */
export const nameOfPath = (path: string): PromptName | PartialName | undefined => {
  if (!path.endsWith('.prompt')) return undefined
  const parts = path.slice(0, -'.prompt'.length).split('/')
  const last = parts.pop() ?? ''
  const folder = parts.map((part) => `${part}/`).join('')
  if (!parts.every((part) => segment.test(part))) return undefined
  if (last.startsWith('_')) return segment.test(last.slice(1)) ? { kind: 'partial', name: folder + last.slice(1) } : undefined
  if (!segment.test(last)) return undefined
  const dot = last.lastIndexOf('.')
  const name = folder + last
  return dot < 0
    ? { kind: 'prompt', name, base: name, variant: undefined }
    : { kind: 'prompt', name, base: folder + last.slice(0, dot), variant: last.slice(dot + 1) }
}

const segment = /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-]))*$/

/** Names that differ only in case are one file on many machines, so they are one name here. */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase()
