import { z } from 'zod'
import type { AnswerRequest } from '../../answer/request.ts'
import { AppError } from '../../lib/errors.ts'
import { toCachePolicy } from './cache-policy.ts'
import * as field from './fields.ts'
import { messages, toMessages } from './messages.ts'
import { responseFormat, structuredOutputs, toolChoice, tools, toResponseFormat, toToolChoice, toTools } from './tools.ts'
import { weirExtras } from './weir.ts'

/** The body of `POST /v1/chat/completions`. */
export const chatBody = z.strictObject({
  model: field.modelName,
  messages,
  stream: field.flag,
  stream_options: field.streamOptions,
  max_tokens: field.tokenCount,
  max_completion_tokens: field.tokenCount,
  n: field.choiceCount,
  temperature: field.temperature,
  top_p: field.topP,
  frequency_penalty: field.penalty,
  presence_penalty: field.penalty,
  seed: field.seed,
  stop: field.stop,
  logit_bias: field.logitBias,
  logprobs: field.flag,
  top_logprobs: z.int().min(0).max(20).nullish(),
  tools,
  tool_choice: toolChoice,
  parallel_tool_calls: field.flag,
  response_format: responseFormat,
  structured_outputs: structuredOutputs,
  modalities: z.tuple([z.literal('text')]).nullish(),
  metadata: field.metadata,
  ...field.harmless,
  weir: weirExtras,
})

export type ChatBody = z.output<typeof chatBody>

/** The body in the models' own terms. Throws for what is wrong between parameters that are each fine alone. */
export const toChat = (body: ChatBody, cacheControl?: string): AnswerRequest['chat'] => {
  checkTogether(body)
  return {
    input: { kind: 'chat', messages: toMessages(body.messages) },
    sampling: {
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      seed: body.seed ?? undefined,
      stop: stopList(body.stop),
      frequencyPenalty: body.frequency_penalty ?? undefined,
      presencePenalty: body.presence_penalty ?? undefined,
      logitBias: body.logit_bias ?? undefined,
      topLogprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
    },
    tools: toTools(body.tools),
    toolChoice: toToolChoice(body.tool_choice),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    responseFormat: toResponseFormat(body.response_format, body.structured_outputs),
    n: body.n ?? 1,
    incremental: body.stream ?? false,
    user: body.user ?? undefined,
    cache: toCachePolicy(body.weir, cacheControl),
  }
}

export const stopList = (stop: ChatBody['stop']): string[] | undefined => (typeof stop === 'string' ? [stop] : (stop ?? undefined))

const checkTogether = (body: ChatBody): void => {
  if (body.messages.length === 0 && !body.weir?.prompt) fault('messages', 'at least one message is needed')
  if (body.stream_options && !body.stream) fault('stream_options', "needs 'stream': true")
  if (typeof body.top_logprobs === 'number' && !body.logprobs) fault('top_logprobs', "needs 'logprobs': true")
  const { max_tokens: old, max_completion_tokens: now } = body
  if (typeof old === 'number' && typeof now === 'number' && old !== now) fault('max_tokens', "contradicts 'max_completion_tokens'")
  if (body.structured_outputs && (body.response_format?.type ?? 'text') !== 'text') {
    fault('structured_outputs', "contradicts 'response_format'")
  }
  checkTools(body)
}

const checkTools = ({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ChatBody): void => {
  const names = tools?.map((tool) => tool.function.name) ?? []
  if (new Set(names).size < names.length) fault('tools', 'two tools have one name')
  if (typeof parallel === 'boolean' && names.length === 0) fault('parallel_tool_calls', "needs 'tools'")
  if (choice === 'required' && names.length === 0) fault('tool_choice', "needs 'tools'")
  if (choice && typeof choice === 'object' && !names.includes(choice.function.name)) {
    fault('tool_choice', `no tool is named '${choice.function.name}'`)
  }
}

const fault = (param: string, message: string): never => {
  throw new AppError('invalid_request', `'${param}': ${message}`, { param })
}
