import { AppError } from '../../lib/errors.ts'
import type { ChatEvent } from '../../models/chat-model.ts'
import type { Call } from '../host.ts'
import { createAnswer } from './answer.ts'
import { renderConversation } from './conversation.ts'
import type { LoadedModel } from './loaded-model.ts'
import { mergeDeltas } from './merge-deltas.ts'
import { createChoosingSampler, tokenTree } from './one-of.ts'
import type { ChatParams, ChildChatEvent } from './params.ts'
import { createSampler } from './sampler.ts'
import { createToolCallReader } from './tool-calls.ts'

/** Answers one request on a loaded model: checks its length, then generates every choice and emits deltas, a finish each, and the usage. */
export const answerChat = async (loaded: LoadedModel, params: ChatParams, call: Call): Promise<void> => {
  const prompt = promptTokens(loaded, params)
  const maxTokens = checkLength(loaded, params, prompt.length)
  checkBias(loaded, params)
  const grammar = params.grammar === undefined ? undefined : await loaded.grammar(params.grammar)
  const tree = params.oneOf && tokenTree(params.oneOf, loaded.vocabulary)
  loaded.scheduler.admit(params.choices)
  const emit = (event: ChildChatEvent) => call.emit(event)
  const deltas = params.incremental ? { emit, flush: () => undefined } : mergeDeltas(emit)

  // The choices share one fate: when one fails, the others stop.
  const failed = new AbortController()
  const signal = AbortSignal.any([call.signal, failed.signal])
  let cachedTokens = 0
  let queued = false

  const choose = async (choice: number): Promise<number> => {
    const options = samplerOptions(params, choice, maxTokens, grammar)
    const sampler = tree
      ? createChoosingSampler(loaded.llama, loaded.model, tree, options)
      : createSampler(loaded.llama, loaded.model, options)
    const answer = createAnswer(loaded.vocabulary, {
      choice,
      stop: params.sampling.stop ?? [],
      trimStart: loaded.vocabulary.leadingSpace && (params.input.kind === 'chat' || params.input.prompt === ''),
      tools: params.tools && createToolCallReader(params.tools, callId),
      emit: (event) => deltas.emit(event),
    })
    try {
      if (params.input.kind === 'text' && params.input.echo) deltas.emit({ type: 'text-delta', choice, text: params.input.prompt })
      const generate = () =>
        loaded.scheduler.run({
          tenant: params.tenant,
          prompt,
          maxTokens,
          sampler,
          signal,
          onStart: (started) => {
            if (choice === 0) cachedTokens = started.cachedTokens
            if (!queued) emit({ type: 'queued', ms: started.queuedMs })
            queued = true
          },
          onToken: answer.push,
        })
      // Nothing to generate is a legal wish: it counts a prompt, or echoes it.
      answer.finish(maxTokens === 0 ? 'length' : await generate())
      return answer.tokens
    } catch (error) {
      failed.abort(error)
      throw error
    } finally {
      sampler.dispose()
    }
  }

  const counts = await Promise.all(Array.from({ length: params.choices }, (_, choice) => choose(choice)))
  deltas.flush()
  const completionTokens = counts.reduce((sum, count) => sum + count, 0)
  const usage: ChatEvent = { type: 'usage', usage: { promptTokens: prompt.length, completionTokens, cachedTokens } }
  emit(usage)
}

const promptTokens = (loaded: LoadedModel, { input, tools }: ChatParams): number[] => {
  if (input.kind === 'chat') return renderConversation(loaded.renderer, input.messages, tools)
  const { vocabulary } = loaded
  const start = vocabulary.bos === undefined ? [] : [vocabulary.bos]
  const prompt = vocabulary.tokenize(input.prompt)
  if (input.suffix !== undefined && input.suffix !== '') {
    if (!vocabulary.infill)
      throw new AppError('unsupported_parameter', 'this model has no tokens for filling in the middle', { param: 'suffix' })
    const { prefix, suffix, middle } = vocabulary.infill
    return [...start, prefix, ...prompt, suffix, ...vocabulary.tokenize(input.suffix), middle]
  }
  const tokens = [...start, ...prompt]
  if (tokens.length === 0)
    throw new AppError('invalid_request', 'the prompt is empty and this model has no start token', { param: 'prompt' })
  return tokens
}

/** Most tokens the answer may have. */
const checkLength = (loaded: LoadedModel, params: ChatParams, promptTokens: number): number => {
  const { contextTokens } = loaded
  const wanted = params.sampling.maxTokens
  if (promptTokens + (wanted ?? 1) <= contextTokens) return wanted ?? contextTokens - promptTokens
  const param = params.input.kind === 'chat' ? 'messages' : 'prompt'
  const asked = wanted === undefined ? '' : ` and ${wanted} for the answer`
  throw new AppError(
    'context_length_exceeded',
    `this model's context is ${contextTokens} tokens, but the prompt has ${promptTokens}${asked}`,
    { param },
  )
}

const checkBias = ({ vocabulary }: LoadedModel, { sampling }: ChatParams): void => {
  for (const token of Object.keys(sampling.logitBias ?? {})) {
    if (Number(token) < vocabulary.size) continue
    throw new AppError('invalid_request', `logit_bias: this model has ${vocabulary.size} tokens and no ${token}`, { param: 'logit_bias' })
  }
}

const samplerOptions = (
  params: ChatParams,
  choice: number,
  maxTokens: number,
  grammar: Awaited<ReturnType<LoadedModel['grammar']>> | undefined,
) => ({
  temperature: params.sampling.temperature ?? 1,
  topP: params.sampling.topP ?? 1,
  seed: (params.seed + choice) >>> 0,
  frequencyPenalty: params.sampling.frequencyPenalty ?? 0,
  presencePenalty: params.sampling.presencePenalty ?? 0,
  logitBias: Object.entries(params.sampling.logitBias ?? {}).map(([token, bias]): [number, number] => [Number(token), bias]),
  topLogprobs: params.sampling.topLogprobs,
  grammar,
  maxTokens,
})

const callId = (): string => `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`
