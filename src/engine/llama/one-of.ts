import type { Llama, LlamaModel } from 'node-llama-cpp'
import { AppError } from '../../lib/errors.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { createBareSampler, ranked, readLogits, type SamplerOptions, type TokenSampler } from './sampler.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Texts as the model spells them, with what they begin with in common; after the last token of a text comes any that ends an answer. */
export type TokenTree = Map<number, TokenTree | 'end'>

export const tokenTree = (texts: readonly string[], { tokenize, ends }: Vocabulary): TokenTree => {
  if (ends.length === 0)
    throw new AppError('unsupported_parameter', 'this model has no token that ends an answer', { param: 'structured_outputs' })
  const root: TokenTree = new Map()
  for (const text of texts) {
    let at = root
    for (const token of tokenize(text)) {
      const known = at.get(token)
      const next: TokenTree = known instanceof Map ? known : new Map()
      at.set(token, next)
      at = next
    }
    for (const end of ends) at.set(end, 'end')
  }
  return root
}

/**
 * Writes one of the texts of a tree: of the tokens that may follow, the model's likeliest, or one drawn by their probabilities. A grammar
 * would do with any spelling of a text, so that half of a word which the model meant for another text could lead into this one.
 */
export const createChoosingSampler = (llama: Llama, model: LlamaModel, tree: TokenTree, options: SamplerOptions): TokenSampler => {
  const bare = createBareSampler(llama, model)
  const random = seededRandom(options.seed)
  const bias = new Map(options.logitBias)
  const count = options.topLogprobs
  let at: TokenTree | 'end' = tree
  const step = (token: number) => {
    at = at === 'end' ? 'end' : (at.get(token) ?? 'end')
  }
  /** What must follow, the end among it. Not where log probabilities are wanted: those are read token by token. */
  const forced = (): number[] => {
    const tokens: number[] = []
    while (at !== 'end' && (at.size === 1 || [...at.values()].every((next) => next === 'end'))) {
      const [token] = at.keys()
      tokens.push(token as number)
      step(token as number)
    }
    return tokens
  }
  return {
    async sample(context, output) {
      const allowed = at === 'end' ? [] : [...at.keys()]
      const read = await readLogits(context, output, bare, allowed, count ?? 0)
      const token = chosen(
        allowed.map((one) => ({ token: one, logit: (read.logits.get(one) ?? Number.NEGATIVE_INFINITY) + (bias.get(one) ?? 0) })),
        options,
        random,
      )
      step(token)
      return count === undefined ? { token, forced: forced() } : { token, ...ranked(read, token, count) }
    },
    dispose: () => bare.dispose(),
  }
}

type Candidate = { token: number; logit: number }

const chosen = (candidates: Candidate[], { temperature, topP }: SamplerOptions, random: () => number): number => {
  const sorted = candidates.toSorted((left, right) => right.logit - left.logit)
  const [best] = sorted
  if (best === undefined) throw new AppError('internal', 'nothing can follow the end of an answer')
  if (temperature === 0 || sorted.length === 1) return best.token
  const weights = sorted.map(({ logit }) => Math.exp((logit - best.logit) / temperature))
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  // The likeliest whose weights reach the nucleus together, each with the sum up to it.
  const upTo: number[] = []
  let sum = 0
  for (const weight of weights) {
    if (sum >= topP * all) break
    sum += weight
    upTo.push(sum)
  }
  const drawn = random() * sum
  return sorted[upTo.findIndex((end) => drawn < end)]?.token ?? best.token
}
