import { AppError } from '../lib/errors.ts'
import type { ChatCapabilities, ChatModel, ChatRequest } from './chat-model.ts'

/** The first request parameter that a model cannot do, in OpenAI's spelling; `undefined` when it can do them all. */
export const unsupportedParameter = (request: ChatRequest, can: ChatCapabilities): string | undefined => {
  const { input, sampling, responseFormat } = request
  if (input.kind === 'text') {
    if (can.completion === false) return 'prompt'
    if (input.echo === true && !can.completion.echo) return 'echo'
    if (input.suffix !== undefined && !can.completion.suffix) return 'suffix'
  } else if (!can.images && input.messages.some(hasImage)) return 'messages'
  if (request.tools !== undefined && request.tools.length > 0 && !can.tools) return 'tools'
  if (responseFormat?.type === 'json-schema' && !can.jsonSchema) return 'response_format'
  if (responseFormat?.type === 'json-object' && !can.jsonObject) return 'response_format'
  if (responseFormat?.type === 'one-of' && !can.oneOf) return 'structured_outputs'
  if ((request.n ?? 1) > can.choices) return 'n'
  if (sampling.topLogprobs !== undefined && !can.logprobs) return 'logprobs'
  if (sampling.seed !== undefined && !can.seed) return 'seed'
  if (nonZero(sampling.frequencyPenalty) && !can.penalties) return 'frequency_penalty'
  if (nonZero(sampling.presencePenalty) && !can.penalties) return 'presence_penalty'
  if (sampling.logitBias !== undefined && Object.keys(sampling.logitBias).length > 0 && !can.logitBias) return 'logit_bias'
  return undefined
}

/** Throws `unsupported_parameter` naming what the model cannot do. */
export const requireSupport = (model: ChatModel, request: ChatRequest): void => {
  const param = unsupportedParameter(request, model.capabilities)
  if (param !== undefined)
    throw new AppError('unsupported_parameter', `model '${model.id}' does not support this use of '${param}'`, { param })
}

/** What at least one of several models can do. */
export const anyOf = (all: readonly ChatCapabilities[]): ChatCapabilities => {
  const some = (test: (can: ChatCapabilities) => boolean) => all.some(test)
  const completions = all.map((can) => can.completion).filter((completion) => completion !== false)
  return {
    contextTokens: some((can) => can.contextTokens === undefined) ? undefined : Math.max(...all.map((can) => can.contextTokens ?? 0)),
    tools: some((can) => can.tools),
    jsonSchema: some((can) => can.jsonSchema),
    jsonObject: some((can) => can.jsonObject),
    oneOf: some((can) => can.oneOf),
    logprobs: some((can) => can.logprobs),
    choices: Math.max(...all.map((can) => can.choices)),
    seed: some((can) => can.seed),
    penalties: some((can) => can.penalties),
    logitBias: some((can) => can.logitBias),
    images: some((can) => can.images),
    completion: completions.length > 0 && { echo: completions.some((can) => can.echo), suffix: completions.some((can) => can.suffix) },
  }
}

const nonZero = (value: number | undefined) => value !== undefined && value !== 0

const hasImage = (message: { content: unknown }) =>
  Array.isArray(message.content) && message.content.some((part) => (part as { type: string }).type === 'image')
