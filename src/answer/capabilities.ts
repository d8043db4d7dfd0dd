import { AppError } from '../lib/errors.ts'
import type { ChatCapabilities, ChatMessage, ChatRequest } from '../models/chat-model.ts'

/** Throws a 400 that names the first parameter the model cannot honour: nothing a client asks for is silently ignored. */
export const checkCapabilities = (
  can: ChatCapabilities,
  request: Pick<ChatRequest, 'input' | 'sampling' | 'tools' | 'responseFormat' | 'n'>,
): void => {
  const { input, sampling, tools, responseFormat } = request
  const n = request.n ?? 1
  if (input.kind === 'text') checkCompletion(can, input)
  else if (!can.images) refuseImages(input.messages)

  if (n > can.choices) refuse('n', `this model makes at most ${can.choices} ${can.choices === 1 ? 'choice' : 'choices'} per request`)
  if (tools !== undefined && tools.length > 0 && !can.tools) refuse('tools', 'this model cannot call tools')
  if (responseFormat?.type === 'json-object' && !can.jsonObject) refuse('response_format', 'this model cannot be held to JSON')
  if (responseFormat?.type === 'json-schema' && !can.jsonSchema) refuse('response_format', 'this model cannot be held to a JSON schema')
  if (sampling.topLogprobs !== undefined && !can.logprobs) refuse('logprobs', 'this model does not report log probabilities')
  if (sampling.seed !== undefined && !can.seed) refuse('seed', 'this model cannot be seeded')
  // Zero is what every model does anyway.
  if (sampling.frequencyPenalty && !can.penalties) refuse('frequency_penalty', 'this model has no penalties')
  if (sampling.presencePenalty && !can.penalties) refuse('presence_penalty', 'this model has no penalties')
  if (sampling.logitBias && !can.logitBias) refuse('logit_bias', 'this model cannot bias tokens')
  if (can.contextTokens !== undefined && (sampling.maxTokens ?? 0) > can.contextTokens) {
    throw new AppError('invalid_request', `max_tokens is larger than the model's context of ${can.contextTokens} tokens`, {
      param: 'max_tokens',
    })
  }
}

const checkCompletion = ({ completion }: ChatCapabilities, input: Extract<ChatRequest['input'], { kind: 'text' }>): void => {
  if (completion === false) refuse('model', 'this model answers conversations only: use /v1/chat/completions')
  else if (input.echo && !completion.echo) refuse('echo', 'this model cannot echo its prompt')
  else if (input.suffix !== undefined && !completion.suffix) refuse('suffix', 'this model cannot fill in the middle')
}

const refuseImages = (messages: ChatMessage[]): void => {
  for (const [index, message] of messages.entries()) {
    if (message.role !== 'user' || typeof message.content === 'string') continue
    const image = message.content.findIndex((part) => part.type === 'image')
    if (image >= 0) refuse(`messages[${index}].content[${image}]`, 'this model cannot see images')
  }
}

const refuse = (param: string, message: string): never => {
  throw new AppError('unsupported_parameter', message, { param })
}
