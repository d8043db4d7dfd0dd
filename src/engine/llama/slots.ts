/** A sequence of the context and what its KV cache holds. */
export type Slot = {
  readonly id: number
  /** Tokens in the KV cache, in order. */
  tokens: number[]
  /** Who filled it; the cache is nobody else's. */
  tenant: string | undefined
  /** Step at which it was last used. */
  usedAt: number
}

/** A shared start shorter than this saves less than a scattered batch costs. */
const worthwhileTokens = 16

/**
 * The free sequence that saves most work. First the longest common prefix among those this tenant filled; then one next to those in `busy`,
 * because llama.cpp decodes sequences of adjoining ids together and others one group after another; then an empty one, then the one unused for longest.
 * `reuse` counts the tokens that need no decoding; at least one of the prompt always does, to have logits to sample.
 */
export const chooseSlot = (
  free: readonly Slot[],
  busy: readonly number[],
  tenant: string,
  prompt: readonly number[],
): { slot: Slot; reuse: number } | undefined => {
  const candidates = free.map((slot) => {
    const reuse = slot.tenant === tenant ? Math.min(commonPrefix(slot.tokens, prompt), prompt.length - 1) : 0
    const distance = busy.length === 0 ? 0 : Math.min(...busy.map((id) => Math.abs(id - slot.id)))
    return { slot, reuse, rank: [reuse >= worthwhileTokens ? -reuse : 0, distance, slot.tokens.length > 0 ? 1 : 0, slot.usedAt] }
  })
  const [best] = candidates.sort((left, right) => compare(left.rank, right.rank))
  return best && { slot: best.slot, reuse: best.reuse }
}

const compare = (left: readonly number[], right: readonly number[]): number => {
  const at = left.findIndex((value, index) => value !== right[index])
  return at < 0 ? 0 : (left[at] as number) - (right[at] as number)
}

const commonPrefix = (left: readonly number[], right: readonly number[]): number => {
  const length = Math.min(left.length, right.length)
  let index = 0
  while (index < length && left[index] === right[index]) index++
  return index
}
