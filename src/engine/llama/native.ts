import type { Llama, LlamaContext, LlamaGrammar, LlamaModel } from 'node-llama-cpp'
import { LlamaGrammarEvaluationState } from 'node-llama-cpp'

/**
 * The few calls of node-llama-cpp's native layer that the batch loop makes. They are not part of its documented surface, so they are
 * named here alone and the package is pinned to one version. The documented evaluate loop cannot stand in: it sorts the whole vocabulary for every
 * token when top-k is off (OpenAI's default), gives no log probabilities together with a grammar, and costs several JS turns per token.
 */
export type NativeContext = {
  initBatch(tokens: number): void
  /** Returns the batch position of each token asked for in `outputs`. */
  addToBatch(sequence: number, firstPosition: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array
  decodeBatch(): Promise<void>
  sampleToken(output: number, sampler: NativeSampler): Promise<number>
  sampleToken(
    output: number,
    sampler: NativeSampler,
    probabilities: boolean,
    confidence: boolean,
    logits: [tokens: number[], max: boolean, min: boolean, selected: boolean, top: number],
    totalWeight: boolean,
  ): Promise<[token: number, probabilities: unknown, confidence: unknown, logits: number[], totalWeight: number]>
  /** Forgets the whole sequence. */
  disposeSequence(sequence: number): void
  /** False when this kind of model cannot forget a part (recurrent ones). */
  removeTokenCellsFromSequence(sequence: number, from: number, to: number): boolean
}

export type NativeSampler = {
  applyConfig(config: SamplerConfig): void
  dispose(): void
}

/** A sampler that is left out is not built: no `topK` means no sort of the vocabulary. */
export type SamplerConfig = {
  temperature: number
  topP?: number
  seed?: number
  repeatPenalty?: number
  repeatPenaltyMaxTokens?: number
  repeatPenaltyTokens?: Uint32Array
  repeatPenaltyPresencePenalty?: number
  repeatPenaltyFrequencyPenalty?: number
  grammarEvaluationState?: object
  tokenBiasKeys?: Uint32Array
  tokenBiasValues?: Float32Array
}

type NativeModel = {
  tokenize(text: string, special: boolean): Uint32Array
  getTokenString(token: number): string
  getTokenAttributes(token: number): number
  getVocabularyType(): number
  shouldPrependBosToken(): boolean
  prefixToken(): number
  middleToken(): number
  suffixToken(): number
}

export const nativeContext = (context: LlamaContext): NativeContext => (context as unknown as { _ctx: NativeContext })._ctx

export const nativeModel = (model: LlamaModel): NativeModel => (model as unknown as { _model: NativeModel })._model

export const createNativeSampler = (llama: Llama, model: LlamaModel): NativeSampler => {
  const { AddonSampler } = (llama as unknown as { _bindings: { AddonSampler: new (model: unknown) => NativeSampler } })._bindings
  return new AddonSampler(nativeModel(model))
}

export const grammarState = (model: LlamaModel, grammar: LlamaGrammar): object =>
  (new LlamaGrammarEvaluationState({ model, grammar }) as unknown as { _state: object })._state
