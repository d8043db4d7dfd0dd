import type { ChatEvent } from '../models/chat-model.ts'
import type { Passage } from './passages.ts'

/** A `[n]` in the answer that names a passage the model was given. Indices are UTF-16 code units into the answer. */
export type Citation = {
  number: number
  startIndex: number
  endIndex: number
  documentId: string
  externalId: string
  title: string | null
  fileId: string | null
  version: number
  chunkId: string
  charStart: number
  charEnd: number
  page: number | null
  score: number
}

export type CitationCheck = {
  /** Text that is safe to send on: invented citations are gone, and an unfinished `[` waits for what follows. */
  push(text: string): string
  /** What was still held back when the answer ended. */
  flush(): string
  /** In the order of the answer. */
  readonly citations: readonly Citation[]
  /** Numbers the model made up; they were removed from the text. */
  readonly invented: readonly number[]
}

/** Verifies citations while the answer flows: every `[n]` that reaches the reader names one of `passages`. */
export const createCitationCheck = (passages: readonly Passage[]): CitationCheck => {
  const citations: Citation[] = []
  const invented: number[] = []
  let held = ''
  let sent = 0
  let before = ''

  const emit = (text: string): string => {
    sent += text.length
    before = text.at(-1) ?? before
    return text
  }
  const resolve = (marker: string, numbers: number[]): string => {
    const known = numbers.filter((number) => passages[number - 1] !== undefined)
    invented.push(...numbers.filter((number) => passages[number - 1] === undefined))
    if (known.length === 0) return ''
    const text = known.length === numbers.length ? marker : `[${known.join(', ')}]`
    for (const number of known) {
      const passage = passages[number - 1]
      if (passage !== undefined) citations.push({ number, startIndex: sent, endIndex: sent + text.length, ...sourceOf(passage) })
    }
    return emit(text)
  }
  const drain = (ended: boolean): string => {
    let out = ''
    while (held !== '') {
      const open = held.indexOf('[')
      if (open < 0) {
        out += emit(held)
        held = ''
        break
      }
      out += emit(held.slice(0, open))
      held = held.slice(open)
      const marker = /^\[\s*\d{1,4}(?:\s*,\s*\d{1,4})*\s*\]/.exec(held)?.[0]
      if (marker !== undefined && !/[\w)\]]/.test(before === ']' ? '' : before)) {
        held = held.slice(marker.length)
        out += resolve(marker, (marker.match(/\d+/g) ?? []).map(Number))
      } else if (marker === undefined && !ended && held.length < 32 && /^\[[\s\d,]*$/.test(held)) break
      else {
        out += emit('[')
        held = held.slice(1)
      }
    }
    return out
  }
  return {
    push(text) {
      held += text
      return drain(false)
    },
    flush: () => drain(true),
    citations,
    invented,
  }
}

/** The events of a model without invented citations, each choice checked by itself. Keeps the contract of `ChatModel.stream`. */
export const reviseCitations = (passages: readonly Passage[]) =>
  async function* revise(events: AsyncIterable<ChatEvent>): AsyncGenerator<ChatEvent> {
    const checks = new Map<number, CitationCheck>()
    const checkOf = (choice: number): CitationCheck => {
      const check = checks.get(choice) ?? createCitationCheck(passages)
      checks.set(choice, check)
      return check
    }
    for await (const event of events) {
      if (event.type === 'text-delta') {
        const text = checkOf(event.choice).push(event.text)
        if (text !== '' || event.logprobs !== undefined) yield { ...event, text }
        continue
      }
      if (event.type === 'finish') {
        const rest = checkOf(event.choice).flush()
        if (rest !== '') yield { type: 'text-delta', choice: event.choice, text: rest }
      }
      yield event
    }
  }

/** The response's `annotations` for a finished text, in the shape of OpenAI's file citations with what they lack added. */
export const annotateCitations = (passages: readonly Passage[]) => (text: string) => {
  const check = createCitationCheck(passages)
  check.push(text)
  check.flush()
  return check.citations.map((citation) => ({
    type: 'file_citation',
    index: citation.startIndex,
    file_id: citation.fileId ?? citation.documentId,
    filename: citation.title ?? citation.externalId,
    start_index: citation.startIndex,
    end_index: citation.endIndex,
    number: citation.number,
    document_id: citation.documentId,
    external_id: citation.externalId,
    version: citation.version,
    chunk_id: citation.chunkId,
    char_start: citation.charStart,
    char_end: citation.charEnd,
    page: citation.page,
    score: citation.score,
  }))
}

const sourceOf = (passage: Passage) => ({
  documentId: passage.documentId,
  externalId: passage.externalId,
  title: passage.title,
  fileId: passage.fileId,
  version: passage.version,
  chunkId: passage.chunkId,
  charStart: passage.charStart,
  charEnd: passage.charEnd,
  page: passage.page,
  score: passage.score,
})
