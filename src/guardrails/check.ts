/** A place in a text: UTF-16 offsets, end exclusive. `label` says what stands there, such as `email`. */
export type Span = { start: number; end: number; label: string }

/** What a check found. Without spans it judges the text as a whole, and nothing can be taken out of it. */
export type Finding = { labels: string[]; spans: Span[] | null }

/** On whose behalf a text is read. */
export type Reader = { tenant: string; signal: AbortSignal }

/** One question about a text. */
export type Check = {
  /**
   * How much of a stream must be at hand for an answer: `chars` for findings that are never longer; `window` for a model that reads
   * stretches of so many characters; `whole` for what can only be said of the complete answer.
   */
  reads: { kind: 'chars' | 'window'; chars: number } | { kind: 'whole' }
  /** Undefined when nothing was found. Throws when it cannot tell. */
  find(text: string, reader: Reader): Promise<Finding | undefined>
}

/** Cuts the spans out of a text and puts their labels in. Spans ascend and do not overlap. */
export const redact = (text: string, spans: readonly Span[]): string => {
  let redacted = ''
  let from = 0
  for (const { start, end, label } of spans) {
    redacted += `${text.slice(from, start)}[${label}]`
    from = end
  }
  return redacted + text.slice(from)
}

/** The spans of several checks as one list, ascending; those that overlap become one. */
export const merge = (spans: readonly Span[]): Span[] => {
  const merged: Span[] = []
  for (const span of spans.toSorted((left, right) => left.start - right.start || right.end - left.end)) {
    const last = merged.at(-1)
    if (last === undefined || span.start >= last.end) merged.push({ ...span })
    else last.end = Math.max(last.end, span.end)
  }
  return merged
}
