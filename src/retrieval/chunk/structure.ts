/** A half-open range of the text, in UTF-16 code units. */
export type Span = { start: number; end: number }

/** Everything under one heading: `start` is where the heading line begins, `blocks` are its paragraphs, lists, tables and code. */
export type Section = { path: string[]; start: number; blocks: Span[] }

/** The sections of a text in reading order; plain text is one section. Only sections with a body are returned. */
export const sectionsOf = (text: string, markdown: boolean, title: string | null): Section[] => {
  const root = title === null || title === '' ? [] : [title]
  const sections: Section[] = [{ path: root, start: 0, blocks: [] }]
  const headings: { level: number; title: string }[] = []
  let block = null as Span | null
  let fence = null as string | null

  const closeBlock = () => {
    if (block !== null) sections.at(-1)?.blocks.push(block)
    block = null
  }
  for (const line of linesOf(text)) {
    const content = text.slice(line.start, line.end)
    const fenceMark = markdown ? /^ {0,3}(`{3,}|~{3,})/.exec(content)?.[1] : undefined
    if (fence !== null) {
      if (fenceMark?.startsWith(fence)) fence = null
      block = { start: block?.start ?? line.start, end: line.end }
      continue
    }
    if (fenceMark !== undefined) fence = fenceMark
    const heading = markdown && fence === null ? headingOf(content) : null
    if (heading !== null) {
      closeBlock()
      while ((headings.at(-1)?.level ?? 0) >= heading.level) headings.pop()
      headings.push(heading)
      const path = headings.map((above) => above.title)
      // A document whose first heading is its title would say it twice.
      sections.push({ path: path[0] === root[0] ? path : [...root, ...path], start: line.start, blocks: [] })
    } else if (content.trim() === '') closeBlock()
    else block = { start: block?.start ?? line.start, end: line.end }
  }
  closeBlock()
  return sections.filter((section) => section.blocks.length > 0)
}

/** Opens a span into the next finer units: lines, then sentences, then words, then halves. Units cover the span but for white space. */
export const finerPieces = (text: string, span: Span): Span[] => {
  const content = text.slice(span.start, span.end)
  for (const cut of [lineCuts, sentenceCuts, wordCuts, halfCut]) {
    const pieces = trimmed(text, span, cut(content))
    if (pieces.length > 1) return pieces
  }
  return [span]
}

const headingOf = (line: string): { level: number; title: string } | null => {
  const match = /^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/.exec(line)
  const title = match?.[2]?.replace(/[*_`]/g, '').trim()
  return match?.[1] === undefined || !title ? null : { level: match[1].length, title }
}

const linesOf = function* (text: string): Generator<Span> {
  let start = 0
  while (start < text.length) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    yield { start, end }
    start = end + 1
  }
}

const lineCuts = (content: string): number[] => [...content.matchAll(/\n/g)].map((match) => match.index + 1)
const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' })
const sentenceCuts = (content: string): number[] => [...sentences.segment(content)].map((sentence) => sentence.index)
const wordCuts = (content: string): number[] => [...content.matchAll(/\s+/g)].map((match) => match.index)
const halfCut = (content: string): number[] => {
  const middle = content.length >> 1
  // Never between the two halves of a surrogate pair.
  return [/[\uDC00-\uDFFF]/.test(content[middle] ?? '') ? middle - 1 : middle]
}

const trimmed = (text: string, span: Span, cuts: number[]): Span[] => {
  const edges = [0, ...cuts, span.end - span.start]
  const pieces: Span[] = []
  for (let at = 0; at + 1 < edges.length; at += 1) {
    let start = span.start + (edges[at] ?? 0)
    let end = span.start + (edges[at + 1] ?? 0)
    while (start < end && /\s/.test(text[start] ?? '')) start += 1
    while (end > start && /\s/.test(text[end - 1] ?? '')) end -= 1
    if (start < end) pieces.push({ start, end })
  }
  return pieces
}
