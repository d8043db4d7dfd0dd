import type { Llama, LlamaGrammar, LlamaModel } from 'node-llama-cpp'
import { AppError } from '../../lib/errors.ts'
import { createNativeSampler, grammarState, type NativeContext, type NativeSampler, type SamplerConfig } from './native.ts'

export type Sampled = {
  token: number
  logprob?: number | undefined
  top?: { token: number; logprob: number }[] | undefined
  /** Tokens that must follow, whatever the model thinks. */
  forced?: readonly number[] | undefined
}

export type TokenSampler = {
  /** Samples at a batch position of the last decode. */
  sample(context: NativeContext, output: number): Promise<Sampled>
  dispose(): void
}

export type SamplerOptions = {
  temperature: number
  topP: number
  seed: number
  frequencyPenalty: number
  presencePenalty: number
  /** Added to the logits; keys are token ids. */
  logitBias: [token: number, bias: number][]
  /** Alternatives to report per token; `undefined` for no log probabilities. */
  topLogprobs: number | undefined
  grammar: LlamaGrammar | undefined
  /** How far back the penalties look: the whole answer. */
  maxTokens: number
}

/** OpenAI's sampling: no top-k, no repeat penalty, penalties counted over the answer and not the prompt. */
export const createSampler = (llama: Llama, model: LlamaModel, options: SamplerOptions): TokenSampler => {
  const sampler = createNativeSampler(llama, model)
  sampler.applyConfig(configOf(model, options))
  if (options.topLogprobs === undefined) {
    return {
      sample: async (context, output) => ({ token: checked(await context.sampleToken(output, sampler)) }),
      dispose: () => sampler.dispose(),
    }
  }

  // The chain has cut and scaled the candidates by the time it has chosen; a bare second sampler reads the model's own logits.
  const bare = createBareSampler(llama, model)
  const count = options.topLogprobs
  return {
    async sample(context, output) {
      const token = checked(await context.sampleToken(output, sampler))
      return { token, ...ranked(await readLogits(context, output, bare, [token], count), token, count) }
    },
    dispose: () => {
      sampler.dispose()
      bare.dispose()
    },
  }
}

/** Samples nothing of its own: it is there to be asked for logits. */
export const createBareSampler = (llama: Llama, model: LlamaModel): NativeSampler => {
  const bare = createNativeSampler(llama, model)
  bare.applyConfig({ temperature: 0 })
  return bare
}

export type Logits = { logits: Map<number, number>; totalWeight: number }

/** The model's own logits of `tokens` and of the `count` likeliest ones, one at least. */
export const readLogits = async (
  context: NativeContext,
  output: number,
  bare: NativeSampler,
  tokens: number[],
  count: number,
): Promise<Logits> => {
  const [, , , pairs, totalWeight] = await context.sampleToken(
    output,
    bare,
    false,
    false,
    [tokens, false, false, false, Math.max(1, count)],
    true,
  )
  const logits = new Map<number, number>()
  for (let index = 1; index < pairs.length; index += 2) logits.set(pairs[index - 1] as number, pairs[index] as number)
  return { logits, totalWeight }
}

/** The log probability of `token`, and the `count` likeliest tokens. */
export const ranked = ({ logits, totalWeight }: Logits, token: number, count: number): Pick<Sampled, 'logprob' | 'top'> => {
  // ln p = logit − ln Σ exp(logit), with the largest logit taken out of the sum.
  const total = Math.max(...logits.values()) + Math.log(totalWeight)
  const all = [...logits].map(([id, logit]) => ({ token: id, logprob: Math.min(0, logit - total) })).sort((a, b) => b.logprob - a.logprob)
  return { logprob: all.find((item) => item.token === token)?.logprob, top: all.slice(0, count) }
}

const configOf = (model: LlamaModel, options: SamplerOptions): SamplerConfig => {
  const config: SamplerConfig = { temperature: options.temperature, seed: options.seed }
  if (options.topP < 1) config.topP = options.topP
  if (options.frequencyPenalty !== 0 || options.presencePenalty !== 0) {
    config.repeatPenalty = 1
    config.repeatPenaltyMaxTokens = options.maxTokens
    config.repeatPenaltyTokens = new Uint32Array(0)
    config.repeatPenaltyFrequencyPenalty = options.frequencyPenalty
    config.repeatPenaltyPresencePenalty = options.presencePenalty
  }
  if (options.logitBias.length > 0) {
    config.tokenBiasKeys = Uint32Array.from(options.logitBias, ([token]) => token)
    config.tokenBiasValues = Float32Array.from(options.logitBias, ([, bias]) => bias)
  }
  if (options.grammar) config.grammarEvaluationState = grammarState(model, options.grammar)
  return config
}

const checked = (token: number): number => {
  if (token < 0) throw new AppError('internal', 'no token can follow: the constraints on the answer contradict each other')
  return token
}
