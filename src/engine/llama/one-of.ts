import type { Llama, LlamaModel } from 'node-llama-cpp'
import { AppError } from '../../lib/errors.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import type { OneOf } from '../../models/chat-model.ts'
import { createBareSampler, ranked, readLogits, type SamplerOptions, type TokenSampler } from './sampler.ts'
import type { Vocabulary } from './vocabulary.ts'

/**
 * Texts as the model spells them, with what they begin with in common: a token, and what may follow it. After the last token of a text comes
 * any that ends an answer. `prior` is that of the most preferred text that it can lead to.
 */
export type TokenTree = Map<number, { prior: number; next: TokenTree | 'end' }>

export const tokenTree = ({ texts, priors }: OneOf, { tokenize, ends }: Vocabulary): TokenTree => {
  if (ends.length === 0)
    throw new AppError('unsupported_parameter', 'this model has no token that ends an answer', { param: 'structured_outputs' })
  const root: TokenTree = new Map()
  for (const [place, text] of texts.entries()) {
    const prior = priors?.[place] ?? 0
    let at = root
    for (const token of tokenize(text)) {
      const known = at.get(token)
      const next: TokenTree = known && known.next !== 'end' ? known.next : new Map()
      at.set(token, { prior: Math.max(prior, known?.prior ?? prior), next })
      at = next
    }
    for (const end of ends) at.set(end, { prior, next: 'end' })
  }
  return root
}

/**
 * Writes one of the texts of a tree: of the tokens that may follow, the model's likeliest, or one drawn by their probabilities, once the priors
 * are added. A grammar would do with any spelling of a text, so that half of a word which the model meant for another text could lead
 * into this one.
 */
export const createChoosingSampler = (llama: Llama, model: LlamaModel, tree: TokenTree, options: SamplerOptions): TokenSampler => {
  const bare = createBareSampler(llama, model)
  const random = seededRandom(options.seed)
  const bias = new Map(options.logitBias)
  const count = options.topLogprobs
  let at: TokenTree = tree
  const step = (token: number) => {
    const next = at.get(token)?.next ?? 'end'
    at = next === 'end' ? new Map() : next
  }
  /** What must follow, the end among it. Not where log probabilities are wanted: those are read token by token. */
  const forced = (): number[] => {
    const tokens: number[] = []
    while (at.size === 1 || (at.size > 0 && [...at.values()].every(({ next }) => next === 'end'))) {
      const [token] = at.keys()
      tokens.push(token as number)
      step(token as number)
    }
    return tokens
  }
  return {
    async sample(context, output) {
      const read = await readLogits(context, output, bare, [...at.keys()], count ?? 0)
      const candidates = Array.from(at, ([token, { prior }]) => {
        return { token, logit: (read.logits.get(token) ?? Number.NEGATIVE_INFINITY) + (bias.get(token) ?? 0) + prior }
      })
      const token = chosen(candidates, options, random)
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
