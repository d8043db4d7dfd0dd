import type { Attributes } from '../db/schema/retrieval.ts'
import { finerPieces } from './chunk/structure.ts'

/** A piece of a document that may go into a prompt, with everything a citation of it needs. Offsets are into the version's extracted text. */
export type Passage = {
  chunkId: string
  documentId: string
  externalId: string
  title: string | null
  fileId: string | null
  attributes: Attributes
  version: number
  ordinal: number
  headingPath: string[]
  text: string
  charStart: number
  charEnd: number
  page: number | null
  /** Under the embedding model's tokenizer. */
  tokens: number
  /** The reranker's score, else cosine similarity to the query: an absolute measure, while the order is by fused rank. */
  score: number
}

export type FitOptions = {
  maxPassages: number
  tokenBudget: number
  /** The chat model's ruler; the embedding model's counts stand in when absent. */
  countTokens?: ((texts: string[], signal: AbortSignal) => Promise<number[]>) | undefined
  signal: AbortSignal
}

/**
 * The best passages that fit, in order. One that is too large is passed over, unless nothing fits: then the best one is cut at a sentence.
 * What is left of the budget goes to neighbours: the chunk after, then the chunk before, joined to their passage.
 */
export const fitPassages = async (ranked: readonly Passage[], neighbours: readonly Passage[], options: FitOptions): Promise<Passage[]> => {
  const measured = await measure([...ranked, ...neighbours], options)
  const costOf = (passage: Passage) => measured.get(passage.chunkId) ?? passage.tokens
  const chosen: Passage[] = []
  let left = options.tokenBudget
  for (const passage of ranked) {
    if (chosen.length === options.maxPassages) break
    if (costOf(passage) > left) continue
    chosen.push(passage)
    left -= costOf(passage)
  }
  if (chosen.length === 0) return ranked[0] === undefined ? [] : cutToFit(ranked[0], costOf(ranked[0]), options.tokenBudget)
  const taken = new Set(chosen.map((passage) => passage.chunkId))
  for (const step of [1, -1]) {
    for (const [at, passage] of chosen.entries()) {
      const edge = passage.ordinal + step
      const neighbour = neighbours.find(({ documentId, ordinal }) => documentId === passage.documentId && ordinal === edge)
      if (neighbour === undefined || taken.has(neighbour.chunkId) || costOf(neighbour) > left) continue
      taken.add(neighbour.chunkId)
      left -= costOf(neighbour)
      chosen[at] = join(passage, neighbour)
    }
  }
  return chosen
}

/** Tokens that a passage takes in the prompt: number, heading path and text. */
const measure = async (passages: readonly Passage[], { countTokens, signal }: FitOptions): Promise<Map<string, number>> => {
  const overhead = 8
  if (countTokens === undefined || passages.length === 0)
    return new Map(passages.map(({ chunkId, tokens }) => [chunkId, tokens + overhead]))
  const counts = await countTokens(
    passages.map(({ headingPath, text }) => `${headingPath.join(' > ')}\n${text}`),
    signal,
  )
  return new Map(passages.map(({ chunkId, tokens }, at) => [chunkId, (counts[at] ?? tokens) + overhead]))
}

const join = (passage: Passage, neighbour: Passage): Passage => {
  const [first, second] = neighbour.charStart < passage.charStart ? [neighbour, passage] : [passage, neighbour]
  // A heading between the two is not part of either.
  const heading = second.headingPath.at(-1)
  const between = heading !== undefined && heading !== first.headingPath.at(-1) ? `\n\n${heading}\n` : '\n\n'
  return {
    ...passage,
    text: `${first.text}${between}${second.text}`,
    charStart: first.charStart,
    charEnd: second.charEnd,
    page: first.page,
    tokens: passage.tokens + neighbour.tokens,
  }
}

const cutToFit = (passage: Passage, cost: number, tokenBudget: number): Passage[] => {
  const characters = Math.floor((passage.text.length * tokenBudget) / cost)
  let end = 0
  for (const piece of finerPieces(passage.text, { start: 0, end: passage.text.length })) {
    if (piece.end > characters) break
    end = piece.end
  }
  if (end === 0) end = passage.text.lastIndexOf(' ', characters)
  if (end <= 0) return []
  return [
    {
      ...passage,
      text: passage.text.slice(0, end),
      charEnd: passage.charStart + end,
      tokens: Math.floor((passage.tokens * end) / passage.text.length),
    },
  ]
}
