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

/**
 * The free sequence that saves most work: the longest common prefix among those this tenant filled, else an empty one, else the one
 * unused for longest. `reuse` counts the tokens that need no decoding; at least one of the prompt always does, to have logits to sample.
 */
export const chooseSlot = (free: readonly Slot[], tenant: string, prompt: readonly number[]): { slot: Slot; reuse: number } | undefined => {
  let best: { slot: Slot; reuse: number } | undefined
  for (const slot of free) {
    const reuse = slot.tenant === tenant ? Math.min(commonPrefix(slot.tokens, prompt), prompt.length - 1) : 0
    if (!best || reuse > best.reuse || (reuse === best.reuse && emptierOrOlder(slot, best.slot))) best = { slot, reuse }
  }
  return best
}

const commonPrefix = (left: readonly number[], right: readonly number[]): number => {
  const length = Math.min(left.length, right.length)
  let index = 0
  while (index < length && left[index] === right[index]) index++
  return index
}

const emptierOrOlder = (left: Slot, right: Slot): boolean => {
  if ((left.tokens.length === 0) !== (right.tokens.length === 0)) return left.tokens.length === 0
  return left.usedAt < right.usedAt
}
