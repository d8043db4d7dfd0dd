import { AppError } from '../../lib/errors.ts'
import { finerPieces, type Section, type Span, sectionsOf } from './structure.ts'

/** A piece of a document that is embedded, found and cited as one. Offsets are UTF-16 code units into the extracted text. */
export type Chunk = {
  ordinal: number
  /** Headings above the piece, outermost first. */
  headingPath: string[]
  text: string
  charStart: number
  charEnd: number
  /** From 1; null where the format has no pages. */
  page: number | null
  /** Of the text that is embedded, heading path included, under the embedding model's tokenizer. */
  tokens: number
}

/** What a parser made of a file: text (markdown where the source had structure), and the offset at which each page begins. */
export type ParsedText = { title: string | null; text: string; markdown: boolean; pageStarts: number[] }

export type ChunkOptions = {
  /** Upper bound of `tokens`; 256 to 400 suits models that read 512. */
  maxTokens: number
  /** A section smaller than this is joined with the next one under the same parent. */
  minTokens: number
  countTokens: (texts: string[], signal: AbortSignal) => Promise<number[]>
}

/** Bumped when the same document would be cut differently; part of the key that decides whether a document is unchanged. */
export const chunkerVersion = 1

/** The text a model embeds for a chunk: its heading path, then the piece itself. */
export const embeddedText = (chunk: { headingPath: string[]; text: string }): string =>
  chunk.headingPath.length === 0 ? chunk.text : `${chunk.headingPath.join(' > ')}\n${chunk.text}`

/**
 * Cuts a document along its structure (headings, then paragraphs, then sentences), measured with the embedding model's own tokenizer.
 * Every chunk is one contiguous slice of the text, so its offsets cite it exactly.
 */
export const chunkText = async (parsed: ParsedText, options: ChunkOptions, signal: AbortSignal): Promise<Chunk[]> => {
  const sections = sectionsOf(parsed.text, parsed.markdown, parsed.title)
  const ruler = createRuler(parsed.text, options, signal)
  const pieces: Piece[] = []
  await ruler.measure(sections.flatMap((section) => section.blocks))
  for (const section of sections) pieces.push(...(await pack(section, ruler, options.maxTokens)))
  const joined = joinSmall(pieces, ruler, options)
  const chunks = joined.map((piece, ordinal) => ({
    ordinal,
    headingPath: piece.path,
    text: parsed.text.slice(piece.start, piece.end),
    charStart: piece.start,
    charEnd: piece.end,
    page: pageAt(parsed.pageStarts, piece.start),
  }))
  const tokens = await options.countTokens(chunks.map(embeddedText), signal)
  return chunks.map((chunk, at) => ({ ...chunk, tokens: tokens[at] ?? 0 }))
}

type Piece = Span & { path: string[]; tokens: number; headingStart: number }
type Ruler = {
  measure(spans: Span[]): Promise<void>
  of(span: Span): number
  prefix(path: string[]): number
  finer(span: Span): Promise<Span[]>
}

const createRuler = (text: string, options: ChunkOptions, signal: AbortSignal): Ruler => {
  const counts = new Map<string, number>()
  const key = (span: Span) => `${span.start}:${span.end}`
  const measure = async (spans: Span[]) => {
    const fresh = spans.filter((span) => !counts.has(key(span)))
    if (fresh.length === 0) return
    const found = await options.countTokens(
      fresh.map((span) => text.slice(span.start, span.end)),
      signal,
    )
    fresh.forEach((span, at) => {
      counts.set(key(span), found[at] ?? 0)
    })
  }
  return {
    measure,
    of: (span) => counts.get(key(span)) ?? 0,
    // Headings are short; a token for every two characters is an upper bound worth not asking the tokenizer for.
    prefix: (path) => Math.ceil(path.join(' > ').length / 2),
    async finer(span) {
      const pieces = finerPieces(text, span)
      if (pieces.length < 2) throw new AppError('invalid_request', 'a single character is longer than a chunk may be')
      await measure(pieces)
      return pieces
    },
  }
}

/** Fills chunks with whole blocks; a block that is too large alone is opened into lines, sentences, then words. */
const pack = async (section: Section, ruler: Ruler, maxTokens: number): Promise<Piece[]> => {
  const room = Math.max(16, maxTokens - Math.min(ruler.prefix(section.path), maxTokens / 2))
  const pieces: Piece[] = []
  const place = async (spans: Span[]): Promise<void> => {
    for (const span of spans) {
      const tokens = ruler.of(span)
      if (tokens > room) {
        await place(await ruler.finer(span))
        continue
      }
      const last = pieces.at(-1)
      if (last !== undefined && last.tokens + tokens <= room) {
        last.end = span.end
        last.tokens += tokens
      } else pieces.push({ ...span, tokens, path: section.path, headingStart: pieces.length === 0 ? section.start : span.start })
    }
  }
  await place(section.blocks)
  return pieces
}

/** Joins a small piece with its successor under the headings both share. The inner heading stays in the text, so nothing is lost. */
const joinSmall = (pieces: Piece[], ruler: Ruler, options: ChunkOptions): Piece[] => {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    const path = last === undefined ? [] : sharedPath(last.path, piece.path)
    const innerHeading = ruler.prefix(piece.path.slice(path.length)) + ruler.prefix((last?.path ?? []).slice(path.length))
    const fits = last !== undefined && last.tokens + piece.tokens + innerHeading + ruler.prefix(path) <= options.maxTokens
    if (last === undefined || !fits || Math.min(last.tokens, piece.tokens) >= options.minTokens || path.length === 0) {
      joined.push({ ...piece })
      continue
    }
    if (path.length < last.path.length) last.start = last.headingStart
    last.end = piece.end
    last.tokens += piece.tokens + innerHeading
    last.path = path
  }
  return joined
}

const sharedPath = (left: string[], right: string[]): string[] => {
  let length = 0
  while (length < left.length && left[length] === right[length]) length += 1
  return left.slice(0, length)
}

const pageAt = (pageStarts: number[], offset: number): number | null => {
  if (pageStarts.length === 0) return null
  let page = 0
  while (page < pageStarts.length && (pageStarts[page] ?? 0) <= offset) page += 1
  return Math.max(1, page)
}
