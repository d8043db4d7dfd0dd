import { z } from 'zod'
import type { AnswerRequest } from '../../answer/request.ts'
import { AppError } from '../../lib/errors.ts'
import { toCachePolicy } from './cache-policy.ts'
import { stopList } from './chat.ts'
import * as field from './fields.ts'
import { weirExtras } from './weir.ts'

const prompts = z.union(
  [z.string(), z.array(z.string()).min(1).max(64)],
  'must be a string or an array of strings; token ids are not accepted',
)

/** The body of `POST /v1/completions`. */
export const completionBody = z.strictObject({
  model: field.modelName,
  prompt: prompts,
  suffix: z.string().nullish(),
  echo: field.flag,
  stream: field.flag,
  stream_options: field.streamOptions,
  max_tokens: field.tokenCount,
  n: field.choiceCount,
  temperature: field.temperature,
  top_p: field.topP,
  frequency_penalty: field.penalty,
  presence_penalty: field.penalty,
  seed: field.seed,
  stop: field.stop,
  logit_bias: field.logitBias,
  logprobs: z.int().min(0).max(20).nullish(),
  metadata: field.metadata,
  ...field.harmless,
  weir: weirExtras,
})

export type CompletionBody = z.output<typeof completionBody>

/** One request per prompt, in the models' own terms. Without `max_tokens` the model writes until it is done, not OpenAI's 16 tokens. */
export const toCompletions = (body: CompletionBody, cacheControl?: string): AnswerRequest['chat'][] => {
  if (body.stream_options && !body.stream) {
    throw new AppError('invalid_request', "'stream_options': needs 'stream': true", { param: 'stream_options' })
  }
  const list = typeof body.prompt === 'string' ? [body.prompt] : body.prompt
  return list.map((prompt) => ({
    input: { kind: 'text', prompt, suffix: body.suffix ?? undefined, echo: body.echo ?? undefined },
    sampling: {
      maxTokens: body.max_tokens ?? undefined,
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      seed: body.seed ?? undefined,
      stop: stopList(body.stop),
      frequencyPenalty: body.frequency_penalty ?? undefined,
      presencePenalty: body.presence_penalty ?? undefined,
      logitBias: body.logit_bias ?? undefined,
      topLogprobs: body.logprobs ?? undefined,
    },
    n: body.n ?? 1,
    incremental: body.stream ?? false,
    user: body.user ?? undefined,
    cache: toCachePolicy(body.weir, cacheControl),
  }))
}
