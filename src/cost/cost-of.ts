import type { Usage } from '../models/chat-model.ts'

/** US dollars, for a million tokens and for each image shown, or for a second at work. Without a price of their own, cached tokens cost what others do. */
export type Price =
  | {
      inputPerMillionUsd: number
      outputPerMillionUsd: number
      cachedInputPerMillionUsd?: number | undefined
      /** On top of the tokens, for hosts that count images apart. */
      imageUsd?: number | undefined
    }
  | { secondUsd: number }

/** US dollars for what a model did; null when it is priced by time and nobody took the time. Reasoning tokens are part of the output. */
export const costOf = (price: Price, use: { usage: Usage; images?: number | undefined; upstreamMs: number | null }): number | null => {
  if ('secondUsd' in price) return use.upstreamMs === null ? null : (price.secondUsd * use.upstreamMs) / 1000
  const { promptTokens, completionTokens, cachedTokens } = use.usage
  const cachedPrice = price.cachedInputPerMillionUsd ?? price.inputPerMillionUsd
  const microUsd =
    (promptTokens - cachedTokens) * price.inputPerMillionUsd + cachedTokens * cachedPrice + completionTokens * price.outputPerMillionUsd
  return microUsd / 1_000_000 + (use.images ?? 0) * (price.imageUsd ?? 0)
}
