import { uuidv7 } from '../lib/ids.ts'

const prefixes = {
  collection: 'vs_',
  index: 'idx_',
  document: 'doc_',
  version: 'dv_',
  chunk: 'chk_',
  file: 'file-',
  batch: 'vsfb_',
} as const

/** An id whose prefix says what it names, in the spelling OpenAI's clients expect where they have one; ids sort as they were made. */
export const newId = (kind: keyof typeof prefixes): string => prefixes[kind] + uuidv7().replaceAll('-', '')
